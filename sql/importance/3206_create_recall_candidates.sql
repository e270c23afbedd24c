-- The memories that recall_memories weighs, for users of many memories.
--
-- For up to ten answers, search_memories has search_memories_by_signature compare some 64 memories by distance. So that
-- is asked for 40 of them here, which takes no longer than for ten. All else goes through search_memories.
-- alongside: fast_search
create function recall_candidates(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    distance double precision,
    created_at timestamptz
)
language sql stable parallel safe rows 40
set jit = off
begin atomic

    with question as materialized (
        select
            k <= 40
            and recall_candidates.metadata is null
            and vector_norm(embedding::vector(1536)) between 1e-15 and 1e15 as is_usual
    ),

    near as (
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.distance
        from question as q
        cross join lateral search_memories_by_signature(user_id, embedding, k, tiers) as s
        where q.is_usual and (max_distance is null or s.distance <= max_distance)
        union all
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.distance
        from question as q
        cross join
            lateral search_memories(
                user_id, embedding, k, tiers, max_distance, recall_candidates.metadata
            ) as s
        where not q.is_usual
    )

    -- With the limit, each is looked up by its key, however many rows the planner expects.
    select
        n.id,
        n.content,
        n.memory_type,
        n.metadata,
        n.distance,
        m.created_at
    from near as n
    cross join
        lateral (
            select m.created_at
            from memories as m
            where m.id = n.id
            limit 1 -- noqa: AM09
        ) as m;

end;

comment on function recall_candidates(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
) is
'Part of recall_memories, for users of many memories: the k nearest to an embedding, with when they were made.';
