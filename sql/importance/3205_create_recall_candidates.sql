-- The nearest memories with when they were made, for the searches that recall_memories leaves to search_memories.
--
-- search_memories_where is search_memories with a condition, which may be null. "set jit = off" keeps it a statement of
-- its own: in that of recall_memories, it would make all others begin later.
-- alongside: fast_search
create function recall_candidates(
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
language sql stable parallel safe rows 40
set jit = off
begin atomic

    -- With the limit, each is looked up by its key, however many rows the planner expects.
    select
        n.id,
        n.content,
        n.memory_type,
        n.metadata,
        n.distance,
        m.created_at
    from
        search_memories_where(
            user_id, embedding, condition, k, tiers, max_distance, recall_candidates.metadata
        ) as n
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
    metadata jsonb,
    condition jsonpath
) is
'Part of recall_memories: what search_memories finds, with when it was made.';
