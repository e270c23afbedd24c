-- How long a memory is kept has a key that begins with the user. The functions that write it do so from here on.
--
-- Shards know rights to whole tables only. So whoever was given the right to read, of this table, which memories have
-- expired (3318), reads the table; the rollback gives them that right again and no more.
-- alongside: retention
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-serial-primary-key-field -- another key
-- squawk-ignore-file adding-foreign-key-constraint -- rows are few and narrow
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4012_key_retention_by_user',
    'memories_to_keep'::regproc,
    'pin_memories'::regproc,
    'expire_memories'::regproc
);

create or replace function memories_to_keep(user_id uuid, memory_ids uuid[]) returns table (memory_id uuid)
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select m.id
    from memories as m
    where m.user_id = memories_to_keep.user_id and m.id = any(memory_ids)
    order by m.id
    for key share of m;
end;
$$;

create or replace function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean default true) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    kept constant uuid[] := array(
        select k.memory_id from memories_to_keep(pin_memories.user_id, memory_ids) as k
    );
begin
    insert into memory_retention as r (memory_id, user_id, pinned)
    select
        k.memory_id,
        pin_memories.user_id,
        coalesce(pin_memories.pinned, true) as pinned
    from unnest(kept) as k (memory_id)
    on conflict on constraint memory_retention_pkey do update
        set pinned = excluded.pinned, expires_at = case when not excluded.pinned then r.expires_at end;
    return cardinality(kept);
end;
$$;

create or replace function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    kept constant uuid[] := array(
        select k.memory_id from memories_to_keep(expire_memories.user_id, memory_ids) as k
    );
begin
    insert into memory_retention as r (memory_id, user_id, expires_at)
    select
        k.memory_id,
        expire_memories.user_id,
        expire_memories.expires_at
    from unnest(kept) as k (memory_id)
    on conflict on constraint memory_retention_pkey do update
        set expires_at = excluded.expires_at, pinned = r.pinned and excluded.expires_at is null;
    return cardinality(kept);
end;
$$;

select memory_fix_search_paths(
    'memories_to_keep'::regproc,
    'pin_memories'::regproc,
    'expire_memories'::regproc
);

do $$
declare
    reader record;
begin
    for reader in
        select
            coalesce(quote_ident(r.rolname), 'public') as name,
            string_agg(quote_ident(t.attname), ', ' order by t.attnum) as columns,
            row_number() over () as place
        from pg_attribute as t
        cross join lateral aclexplode(t.attacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where
            t.attrelid = 'memory_retention'::regclass and a.privilege_type = 'SELECT'
            and not exists (
                select from pg_class as c
                cross join lateral aclexplode(c.relacl) as w
                where c.oid = t.attrelid and a.grantee = w.grantee and w.privilege_type = 'SELECT'
            )
        group by r.rolname
    loop
        insert into memory_former_definitions (migration, place, definition)
        values
        ('4012_key_retention_by_user', 98 + 2 * reader.place, format('revoke select on memory_retention from %s', reader.name)),
        (
            '4012_key_retention_by_user',
            99 + 2 * reader.place,
            format('grant select (%s) on memory_retention to %s', reader.columns, reader.name)
        );
        execute format('grant select on memory_retention to %s', reader.name);
    end loop;
end
$$;

alter table memory_retention
drop constraint memory_retention_pkey,
drop constraint memory_retention_memory_id_fkey;
alter table memory_retention
add constraint memory_retention_pkey primary key (user_id, memory_id),
add constraint memory_retention_memory_id_fkey foreign key (user_id, memory_id)
references memories (user_id, id) on delete cascade;
comment on constraint memory_retention_pkey on memory_retention is 'One row for a memory.';
comment on constraint memory_retention_memory_id_fkey on memory_retention is
'Deleting a memory deletes how long it was to be kept.';
