-- What recall_memories leaves to search_memories: the nearest memories with when they were made, for questions that it
-- does not compare with the embeddings in memories itself.
--
-- Which those are says a function of its own, which PostgreSQL inlines, so no migration fixes its search_path. When
-- another model takes over (docs/changing-models.md), its migrations replace the body: no embedding is compared there
-- then, and search_memories asks the model that answers.
--
-- search_memories_where is search_memories with a condition, which may be null. "set jit = off" keeps it a statement of
-- its own: in that of recall_memories, it would make all others begin later.
-- alongside: fast_search
create function memory_question_in_recall(embedding vector) returns vector
language sql stable parallel safe
begin atomic

    select memory_question_in_recall.embedding::vector(1536);

end;

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

comment on function memory_question_in_recall(embedding vector) is
'Part of recall_memories: the question as it is compared with embeddings in memories; NULL if search_memories asks.';
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
