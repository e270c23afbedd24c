-- Similarity search within one collection: all that is in it is compared, so the answer is exact, and takes as long as
-- the collection is large, however many memories the user has.
--
-- cosine_distance is the function behind <=>. No index serves it, so no plan can lose rows in the HNSW index.
-- Parameters are in `given`, which the planner cannot look through, and each memory is looked up by its key: so the
-- plan is the same for every collection.
create function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    condition jsonpath default null
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
begin atomic

    with given as materialized (
        select
            user_id,
            collection_id,
            memory_question_in_collections(embedding) as embedding,
            vector_norm(memory_question_in_collections(embedding)) as norm,
            tiers,
            max_distance,
            metadata,
            condition
    ),

    -- Nothing is near an embedding of zeros: the distance is NaN, which is beyond any. If the squares of an embedding
    -- overflow or underflow single precision, its direction is used instead.
    question as (
        select
            g.user_id,
            g.collection_id,
            g.tiers,
            g.metadata,
            g.condition,
            coalesce(g.max_distance, 2) as max_distance,
            vector_dims(g.embedding) as dimensions,
            case
                when g.norm between 1e-15 and 1e15 then g.embedding
                when g.norm > 0 then l2_normalize(g.embedding)
            end as embedding
        from given as g
        offset 0 -- noqa: AM09
    )

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.distance
    from question as q
    cross join
        lateral (
            select
                m.id,
                m.content,
                m.memory_type,
                m.metadata,
                m.distance
            from memory_collection_members as c
            cross join
                lateral (
                    select
                        m.id,
                        m.content,
                        m.memory_type,
                        m.metadata,
                        cosine_distance(e.compared, q.embedding) as distance
                    from memories as m
                    cross join memory_embedding_in_collections(m.id, m.embedding, q.dimensions) as e
                    where m.id = c.memory_id
                    limit 1 -- noqa: AM09
                ) as m
            where
                c.collection_id = q.collection_id
                and c.user_id = q.user_id
                and not exists (
                    select from memories_hidden_in_collections() as h
                    where h.memory_id = c.memory_id
                )
                and (q.tiers is null or m.memory_type = any(q.tiers))
                and (q.metadata is null or m.metadata @> q.metadata)
                and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
        ) as f
    where f.distance <= q.max_distance
    order by f.distance, f.id
    limit coalesce(k, 10);

end;

comment on function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) is
'The k memories in a collection of a user that are nearest to an embedding, nearest first, with their cosine distance: '
'of these tiers, no farther than max_distance, with this metadata, and where the condition is true, as far as given.';
