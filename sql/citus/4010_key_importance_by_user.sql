-- What is noted of a memory says whose it is, and its keys begin with the user. The functions that write it do so from
-- here on. Nobody reads or writes the table meanwhile; a row takes some microseconds.
-- alongside: importance
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-serial-primary-key-field -- another key
-- squawk-ignore-file adding-not-nullable-field, adding-foreign-key-constraint, prefer-text-field -- rows are few
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4010_key_importance_by_user',
    'note_memory_recalls(uuid, uuid[])',
    'set_memory_importance(uuid, uuid[], double precision)'
);

create or replace function note_memory_recalls(user_id uuid, memory_ids uuid[]) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    noted uuid[];
    others uuid[];
begin
    select array_agg(n.memory_id) into noted
    from (
        select i.memory_id
        from memory_importance as i
        where i.user_id = note_memory_recalls.user_id and i.memory_id = any(memory_ids)
        order by i.memory_id
        for no key update of i
    ) as n;
    select array_agg(n.id) into others
    from (
        select m.id
        from memories as m
        where m.user_id = note_memory_recalls.user_id and m.id = any(memory_ids) and m.id <> all(coalesce(noted, '{}'))
        order by m.id
        for key share of m skip locked
    ) as n;
    insert into memory_importance as i (user_id, memory_id, recalls, recalled_at)
    select
        note_memory_recalls.user_id,
        n.memory_id,
        1 as recalls,
        now() as recalled_at
    from unnest(noted || others) as n (memory_id)
    on conflict on constraint memory_importance_pkey do update
        set recalls = i.recalls + 1, recalled_at = greatest(i.recalled_at, excluded.recalled_at);
    return coalesce(cardinality(noted || others), 0);
end;
$$;

create or replace function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision)
returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    weighed uuid[];
begin
    select array_agg(n.id) into weighed
    from (
        select m.id
        from memories as m
        where m.user_id = set_memory_importance.user_id and m.id = any(memory_ids)
        order by m.id
        for key share of m
    ) as n;
    insert into memory_importance as i (user_id, memory_id, importance)
    select
        set_memory_importance.user_id,
        n.memory_id,
        coalesce(set_memory_importance.importance, 0.5)
    from unnest(weighed) as n (memory_id)
    on conflict on constraint memory_importance_pkey do update
        set importance = excluded.importance;
    return coalesce(cardinality(weighed), 0);
end;
$$;

select memory_fix_search_paths(
    'note_memory_recalls(uuid, uuid[])',
    'set_memory_importance(uuid, uuid[], double precision)'
);

alter table memory_importance add column user_id uuid null;
comment on column memory_importance.user_id is 'Whose memory it is.';
update memory_importance as i
set user_id = m.user_id
from memories as m
where i.memory_id = m.id;
alter table memory_importance
alter column user_id set not null,
drop constraint memory_importance_pkey,
drop constraint memory_importance_memory_id_fkey;
alter table memory_importance
add constraint memory_importance_pkey primary key (user_id, memory_id),
add constraint memory_importance_memory_id_fkey foreign key (user_id, memory_id)
references memories (user_id, id) on delete cascade;
comment on constraint memory_importance_pkey on memory_importance is 'One row for a memory.';
comment on constraint memory_importance_memory_id_fkey on memory_importance is
'Deleting a memory deletes what was noted of it.';
