-- The functions of 3304 to 3306 over all shards: each looks for what is due among its own users. Whose a memory is
-- comes along, for prune_memories to go to its shard.
-- alongside: retention
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4030_find_due_in_shards',
    'memory_recalls'::regproc,
    'memories_are_recalled'::regproc,
    'memories_due'::regproc
);

create or replace function memory_recalls() returns table (memory_id uuid, recalled_at timestamptz)
language plpgsql stable parallel restricted
as $$
#variable_conflict use_column
begin
    if to_regclass('memory_importance') is not null then
        return query
        select
            i.memory_id,
            i.recalled_at
        from memory_importance as i
        where i.recalled_at is not null;
    end if;
end;
$$;

create or replace function memories_are_recalled() returns boolean
language plpgsql stable parallel restricted
as $$
begin
    perform from memories as m
    where m.accessed_at > m.created_at
    order by m.accessed_at desc
    limit 1;
    if not found and to_regclass('memory_importance') is not null then
        perform from memory_importance as i
        where i.recalled_at is not null
        limit 1;
    end if;
    return found;
end;
$$;

-- One rule after the other, each only for what the ones before have left of the number that is asked for.
create function memories_due_of_users(most bigint)
returns table (
    user_id uuid, memory_id uuid, memory_type memory_type, rule text, accessed_at timestamptz, recalled_at timestamptz
)
language plpgsql stable parallel restricted
as $$
declare
    recalled constant boolean := memories_are_recalled();
    noted constant text := case
        when to_regclass('memory_importance') is null
            then 'cross join (values (null::timestamptz)) as c (recalled_at)'
        else 'left join memory_importance as c on m.user_id = c.user_id and m.id = c.memory_id'
    end;
    rest bigint := most;
    found_now bigint;
begin
    return query
    select
        m.user_id,
        m.id,
        m.memory_type,
        'expired',
        m.accessed_at,
        null::timestamptz
    from memory_retention as e
    inner join memories as m on e.user_id = m.user_id and e.memory_id = m.id
    where e.expires_at <= now()
    limit rest;
    get diagnostics found_now = row_count;
    rest := rest - found_now;
    if recalled and (rest is null or rest > 0) then
        return query execute format(
            $query$
                select m.user_id, m.id, m.memory_type, 'idle', m.accessed_at, c.recalled_at
                from memories as m
                inner join memory_retention_rules as r on m.memory_type = r.memory_type
                left join memory_retention as e on m.user_id = e.user_id and m.id = e.memory_id
                %s
                where
                    m.accessed_at < now() - r.idle_for
                    and (e.pinned or e.expires_at <= now()) is not true
                    and (c.recalled_at >= now() - r.idle_for) is not true
                limit $1
            $query$,
            noted
        ) using rest;
        get diagnostics found_now = row_count;
        rest := rest - found_now;
    end if;
    if rest is null or rest > 0 then
        return query execute format(
            $query$
                select s.user_id, s.id, s.memory_type, 'most per user', s.accessed_at, s.recalled_at
                from (
                    select
                        m.user_id,
                        m.id,
                        m.memory_type,
                        m.accessed_at,
                        c.recalled_at,
                        r.most_per_user,
                        row_number() over (
                            partition by m.user_id, m.memory_type
                            order by greatest(m.accessed_at, c.recalled_at) desc, m.id desc
                        ) as place
                    from memories as m
                    inner join memory_retention_rules as r on m.memory_type = r.memory_type
                    left join memory_retention as e on m.user_id = e.user_id and m.id = e.memory_id
                    %s
                    where
                        r.most_per_user is not null
                        and (
                            not $2 or r.idle_for is null
                            or greatest(m.accessed_at, c.recalled_at) >= now() - r.idle_for
                        )
                        and (e.pinned or e.expires_at <= now()) is not true
                ) as s
                where s.place > s.most_per_user
                limit $1
            $query$,
            noted
        ) using rest, recalled;
    end if;
end;
$$;

comment on function memories_due_of_users(most bigint) is
'Part of memories_due and prune_memories: up to so many of the memories that are due (NULL: all), and whose they are.';

create or replace function memories_due()
returns table (
    memory_id uuid, memory_type memory_type, rule text, accessed_at timestamptz, recalled_at timestamptz
)
language sql stable
begin atomic

    select
        d.memory_id,
        d.memory_type,
        d.rule,
        d.accessed_at,
        d.recalled_at
    from memories_due_of_users(null) as d;

end;

select memory_fix_search_paths(
    'memory_recalls'::regproc,
    'memories_are_recalled'::regproc,
    'memories_due_of_users'::regproc
);
