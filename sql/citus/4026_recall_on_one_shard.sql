-- The same for recall_memories of 3206 and recall_candidates of 3205. What each table has is asked by a function of its
-- own, and put together without a table.
-- alongside: fast_search importance
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4026_recall_on_one_shard',
    'recall_candidates(uuid, vector, integer, memory_type[], double precision, jsonb, jsonpath)',
    'recall_memories(uuid, vector, integer, memory_type[], double precision, jsonb, jsonpath)'
);

create function recall_candidates_of_user(
    owner uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    contained jsonb,
    condition jsonpath
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    distance double precision,
    created_at timestamptz
)
language plpgsql stable parallel restricted rows 40
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    norm constant double precision := vector_norm(embedding::vector(1536));
begin
    perform from memories as m
    where m.user_id = owner
    limit 1 offset 250;
    if found and norm between 1e-15 and 1e15 and k <= 40 and contained is null and condition is null then
        return query
        with near as materialized (
            select s.*
            from search_memories_by_signature(owner, embedding, k, tiers) as s
        )

        select n.*, m.created_at
        from near as n
        inner join memories_with_ids(owner, array(select o.id from near as o)) as m on n.id = m.id;
    else
        return query
        with near as materialized (
            select s.*
            from search_memories_where(owner, embedding, condition, k, tiers, null, contained) as s
        )

        select n.*, m.created_at
        from near as n
        inner join memories_with_ids(owner, array(select o.id from near as o)) as m on n.id = m.id;
    end if;
end;
$$;

comment on function recall_candidates_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath) is
'Part of recall_candidates: reads one shard.';

create or replace function recall_candidates(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    distance double precision,
    created_at timestamptz
)
language sql stable parallel restricted rows 40
begin atomic

    select
        c.id,
        c.content,
        c.memory_type,
        c.metadata,
        c.distance,
        c.created_at
    from recall_candidates_of_user(user_id, embedding, k, tiers, recall_candidates.metadata, condition) as c
    where max_distance is null or c.distance <= max_distance;

end;

create function memory_importance_with_ids(owner uuid, ids uuid[])
returns table (memory_id uuid, importance double precision, recalls bigint, recalled_at timestamptz)
language plpgsql stable parallel restricted rows 40
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select
        i.memory_id,
        i.importance,
        i.recalls,
        i.recalled_at
    from memory_importance as i
    where i.user_id = owner and i.memory_id = any(ids);
end;
$$;

comment on function memory_importance_with_ids(uuid, uuid[]) is
'Part of recall_memories: what is noted of some memories of a user, from one shard.';

create function memory_recall_weights_of_all()
returns table (
    memory_type memory_type,
    recency_weight double precision,
    half_life double precision,
    importance_weight double precision
)
language plpgsql stable parallel restricted rows 3
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select
        w.memory_type,
        w.recency_weight,
        date_part('epoch', w.half_life),
        w.importance_weight
    from memory_recall_weights as w;
end;
$$;

comment on function memory_recall_weights_of_all() is
'Part of recall_memories: the weights of the tiers, which each node has.';

create or replace function recall_memories(
    user_id uuid,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    condition jsonpath default null
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    score double precision,
    distance double precision,
    relevance double precision,
    recency double precision,
    recency_factor double precision,
    importance double precision,
    importance_factor double precision,
    recalls bigint,
    recalled_at timestamptz
)
language sql stable parallel restricted rows 10
begin atomic

    with near as materialized (
        select c.*
        from
            recall_candidates(
                user_id,
                embedding,
                least(4 * coalesce(k, 10)::bigint, 2147483647)::integer,
                tiers,
                max_distance,
                recall_memories.metadata,
                condition
            ) as c
    ),

    -- Ages are in seconds, as a time may be infinite. After a thousand half-lives, a power would be too small for a
    -- number.
    weighed as (
        select
            n.id,
            n.content,
            n.memory_type,
            n.metadata,
            n.distance,
            greatest(1 - n.distance, 0) as relevance,
            case
                when w.half_life is not null
                    then power(
                        0.5::double precision,
                        least(
                            greatest(
                                date_part('epoch', now()) - date_part('epoch', greatest(n.created_at, i.recalled_at)), 0
                            ) / w.half_life,
                            1000
                        )
                    )
            end as recency,
            w.recency_weight,
            coalesce(i.importance, 0.5) as importance,
            w.importance_weight,
            coalesce(i.recalls, 0) as recalls,
            i.recalled_at
        from near as n
        left join memory_importance_with_ids(user_id, array(select o.id from near as o)) as i on n.id = i.memory_id
        left join memory_recall_weights_of_all() as w on n.memory_type = w.memory_type
    ),

    factors as (
        select
            w.*,
            coalesce(1 + w.recency_weight * (w.recency - 0.5), 1) as recency_factor,
            coalesce(1 + w.importance_weight * (w.importance - 0.5), 1) as importance_factor
        from weighed as w
    )

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.relevance * f.recency_factor * f.importance_factor as score,
        f.distance,
        f.relevance,
        f.recency,
        f.recency_factor,
        f.importance,
        f.importance_factor,
        f.recalls,
        f.recalled_at
    from factors as f
    order by score desc, f.distance asc, f.id asc
    limit coalesce(k, 10);

end;

select memory_fix_search_paths(
    'recall_candidates_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath)',
    'memory_importance_with_ids(uuid, uuid[])',
    'memory_recall_weights_of_all()'
);
