-- search_memories_where for questions by new_model_name. What else is known of memories is looked up at the end, for
-- the answer alone.
create function search_memories_where_new_model(
    user_id uuid,
    embedding vector,
    condition jsonpath,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    candidates integer default null
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
begin atomic

    with given as materialized (
        select
            user_id,
            embedding::vector(1536) as embedding,
            vector_norm(embedding::vector(1536)) as norm,
            coalesce(k, 10) as places,
            tiers,
            max_distance,
            metadata,
            condition,
            candidates
    ),

    hidden as materialized (
        select h.memory_id
        from given as g
        cross join memories_hidden(g.user_id) as h
    ),

    -- As in search_memories_where: nothing is near an embedding of zeros, and a length that overflows is no matter.
    question as (
        select
            g.user_id,
            g.places,
            g.tiers,
            g.max_distance,
            g.metadata,
            g.condition,
            g.candidates,
            g.metadata is null and g.condition is null as unfiltered,
            g.places <= 10 and g.candidates is null as usual,
            case
                when g.norm between 1e-15 and 1e15 then g.embedding
                when g.norm > 0 then l2_normalize(g.embedding)
            end as embedding,
            exists(
                select
                from memory_embeddings_new_model as e
                where e.user_id between g.user_id and g.user_id
                order by e.user_id
                limit 1 offset case when g.metadata is null and g.condition is null then 250 else 1024 end
            ) as by_signature
        from given as g
        offset 0 -- noqa: AM09
    ),

    nearest as (
        select
            f.id,
            f.distance
        from question as q
        cross join
            lateral (
                select
                    e.id,
                    cosine_distance(e.embedding, q.embedding) as distance
                from (
                    select
                        e.memory_id as id,
                        e.memory_type,
                        e.embedding,
                        e.signature
                    from memory_embeddings_new_model as e
                    where e.user_id between q.user_id and q.user_id
                    order by e.user_id
                    limit case when q.unfiltered then 250 else 1024 end
                ) as e
                where
                    not q.by_signature
                    and e.signature is not null
                    and (q.tiers is null or e.memory_type = any(q.tiers))
                    and (
                        q.unfiltered
                        or exists (
                            select
                            from memories as m
                            where
                                m.id = e.id
                                and (q.metadata is null or m.metadata @> q.metadata)
                                and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
                        )
                    )
                    and (
                        (select not exists (select from hidden))
                        or e.id not in (select h.memory_id from hidden as h)
                    )
                union all
                select
                    s.id,
                    s.distance
                from search_memories_by_signature_new_model(q.user_id, q.embedding, q.places, q.tiers) as s
                where q.by_signature and q.unfiltered and q.usual
                union all
                select
                    s.id,
                    s.distance
                from
                    search_memories_in_widths_new_model(
                        q.user_id, q.embedding, q.places, q.tiers, q.candidates
                    ) as s
                where q.by_signature and q.unfiltered and not q.usual
                union all
                select
                    s.id,
                    s.distance
                from
                    search_memories_filtered_new_model(
                        q.user_id, q.embedding, q.places, q.tiers, q.candidates, q.metadata, q.condition
                    ) as s
                where q.by_signature and not q.unfiltered
            ) as f
        where q.embedding is not null and (q.max_distance is null or f.distance <= q.max_distance)
        order by f.distance, f.id
        limit coalesce(k, 10)
    )

    select
        n.id,
        m.content,
        m.memory_type,
        m.metadata,
        n.distance
    from nearest as n
    cross join
        lateral (
            select
                m.content,
                m.memory_type,
                m.metadata
            from memories as m
            where m.id = n.id
            limit 1 -- noqa: AM09
        ) as m
    order by n.distance, n.id;

end;

comment on function search_memories_where_new_model(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
) is
'search_memories_where for a question by the model new_model_name, of the embeddings that it made.';
