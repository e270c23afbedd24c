-- Search by meaning and by words at once: two lists of twice k memories, merged by reciprocal rank fusion.
--
-- A memory counts 1 / (60 + its place) in each list that has it (Cormack, Clarke and Buettcher 2009). Only places
-- count, because distances and scores by words cannot be compared. Without an embedding, or without words, one list
-- decides.
-- alongside: fast_search
create function search_memories_hybrid(
    user_id uuid,
    question text,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null
)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    score double precision,
    distance double precision,
    vector_rank integer,
    word_score double precision,
    word_rank integer,
    words text[]
)
language sql stable parallel safe rows 10
begin atomic

    with near as (
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.distance,
            (row_number() over (order by s.distance, s.id))::integer as place
        from
            search_memories(
                user_id, embedding, least(2 * coalesce(k, 10)::bigint, 2147483647)::integer, tiers, max_distance,
                metadata
            ) as s
    ),

    worded as (
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.score,
            s.words,
            (row_number() over (order by s.score desc, s.id asc))::integer as place
        from
            search_memories_by_words(
                user_id, question, least(2 * coalesce(k, 10)::bigint, 2147483647)::integer, tiers, metadata
            ) as s
    )

    select
        coalesce(n.id, w.id) as id,
        coalesce(n.content, w.content) as content,
        coalesce(n.memory_type, w.memory_type) as memory_type,
        coalesce(n.metadata, w.metadata) as metadata,
        coalesce(1.0::double precision / (60 + n.place), 0) + coalesce(1.0::double precision / (60 + w.place), 0)
            as score,
        n.distance,
        n.place as vector_rank,
        w.score as word_score,
        w.place as word_rank,
        w.words
    from near as n
    full join worded as w on n.id = w.id
    order by score desc, id asc
    limit coalesce(k, 10);

end;

comment on function search_memories_hybrid(
    user_id uuid,
    question text,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
) is
'The k memories of a user that are best by meaning (search_memories) and by words (search_memories_by_words) together, '
'best first, with both places. max_distance is for meaning alone: what is found by words may be farther.';
