-- The functions of 3307. A distributed database locks rows of one shard at a time only. So what is due is looked for
-- over all shards, and then locked, looked at again and deleted shard by shard, in one transaction.
-- alongside: retention
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4031_prune_shard_by_shard',
    'memories_still_due'::regproc,
    'discard_memories'::regproc,
    'prune_memories'::regproc
);

create or replace function memories_still_due(memory_ids uuid[], rules text[], recalls timestamptz[])
returns table (memory_id uuid)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
    return query
    with kept as materialized (
        select e.*
        from memory_retention as e
        where e.memory_id = any(memory_ids)
    ),

    recalled as materialized (
        select c.* from memory_recalls() as c
        where c.memory_id = any(memory_ids)
    )

    select d.memory_id
    from unnest(memory_ids, rules, recalls) as d (memory_id, rule, recalled_at)
    left join kept as e on d.memory_id = e.memory_id
    left join recalled as c on d.memory_id = c.memory_id
    where
        case
            when d.rule = 'expired' then e.expires_at <= now()
            else e.pinned is not true and d.recalled_at is not distinct from c.recalled_at
        end;
end;
$$;

create or replace function discard_memories(memory_ids uuid[]) returns table (id uuid, memory_type memory_type)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
    return query
    delete from memories as m
    where m.id = any(memory_ids)
    returning m.id, m.memory_type;
end;
$$;

-- The number of the shard of each user; one for all where memories are not distributed.
create function memory_shards_of(users uuid[]) returns table (user_id uuid, shard bigint)
language plpgsql stable
as $$
begin
    perform from pg_dist_partition as p
    where p.logicalrelid = 'memories'::regclass;
    if found then
        return query
        select
            u.id,
            get_shard_id_for_distribution_column('memories', u.id)
        from (select distinct d.id from unnest(users) as d (id)) as u;
    else
        return query
        select distinct
            d.id,
            0::bigint
        from unnest(users) as d (id);
    end if;
end;
$$;

comment on function memory_shards_of(users uuid[]) is
'Part of prune_memories: in which shard the memories of each of these users are.';

create or replace function prune_memories(batch integer default 1000)
returns table (memory_type memory_type, rule text, memories bigint)
language plpgsql volatile
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    noted constant text := case
        when to_regclass('memory_importance') is null then 'null'
        else '(
            select c.recalled_at from memory_importance as c
            where c.user_id = m.user_id and c.memory_id = m.id
        )'
    end;
    part record;
    locked uuid[];
    gone jsonb := '[]';
    gone_here jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended('memdb prune', 0));
    for part in
        with due as materialized (
            select d.* from memories_due_of_users(batch) as d
        )

        select
            array_agg(d.user_id) as users,
            array_agg(d.memory_id) as ids,
            array_agg(d.memory_type) as tiers,
            array_agg(d.rule) as rules,
            array_agg(d.accessed_at) as times,
            array_agg(d.recalled_at) as recalls
        from due as d
        inner join memory_shards_of(array(select o.user_id from due as o)) as s on d.user_id = s.user_id
        group by s.shard
        order by s.shard
    loop
        select array_agg(l.id) into locked
        from (
            select m.id
            from memories as m
            inner join
                unnest(part.users, part.ids, part.tiers, part.times) as d (user_id, id, tier, accessed_at)
                on
                    m.user_id = d.user_id
                    and m.id = d.id
                    and m.memory_type = d.tier
                    and m.accessed_at = d.accessed_at
            where m.user_id = any(part.users)
            order by m.id
            for update of m skip locked
        ) as l;
        -- A new statement, which sees what others have committed until the rows were locked.
        execute format(
            $query$
                with gone as (
                    delete from memories as m
                    using unnest($1, $2, $3, $4) as d (user_id, id, rule, recalled_at)
                    where
                        m.user_id = any($1)
                        and m.user_id = d.user_id
                        and m.id = d.id
                        and m.id = any($5)
                        and (
                            d.rule = 'expired'
                            and exists (
                                select from memory_retention as e
                                where e.user_id = m.user_id and e.memory_id = m.id and e.expires_at <= now()
                            )
                            or d.rule <> 'expired'
                            and d.recalled_at is not distinct from %s
                            and not exists (
                                select from memory_retention as e
                                where e.user_id = m.user_id and e.memory_id = m.id and e.pinned
                            )
                        )
                    returning m.memory_type, d.rule
                )

                select jsonb_agg(jsonb_build_array(g.memory_type, g.rule)) from gone as g
            $query$,
            noted
        ) into gone_here using part.users, part.ids, part.rules, part.recalls, locked;
        gone := gone || coalesce(gone_here, '[]');
    end loop;
    return query
    select
        (g.value ->> 0)::memory_type,
        g.value ->> 1,
        count(*)
    from jsonb_array_elements(gone) as g (value)
    group by 1, 2
    order by 1, 2;
end;
$$;

select memory_fix_search_paths(
    'memories_still_due'::regproc,
    'discard_memories'::regproc,
    'memory_shards_of'::regproc,
    'prune_memories'::regproc
);
