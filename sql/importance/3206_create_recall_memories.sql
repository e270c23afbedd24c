-- Search by meaning, weighed by how recent and how important memories are:
--
--     relevance × (1 + a (recency − ½)) × (1 + b (importance − ½)),    recency = 0.5 ^ (age / half-life)
--
-- The 4 k nearest are weighed, and the best k of them come back. Relevance is the cosine; a, b and the half-life are
-- those of the tier, in memory_recall_weights. No factor is less than a half, so nothing is hidden. Age counts from the
-- last recall that was noted, else from when the memory was made. accessed_at is not read: of a memory that is stored
-- later than it was made, it says when it was stored.
--
-- As in 1007, up to 250 memories are all compared. For up to ten answers of more, search_memories has
-- search_memories_by_signature compare some 64 by distance: so it is asked for 40 of them, which takes no longer than
-- ten. What is left, an embedding of extreme length among it, goes through search_memories. Names mean the same with
-- any search_path, and parameters are where the planner cannot look through them.
-- alongside: fast_search
create function recall_memories(
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
language sql stable parallel safe rows 10
begin atomic

    with given as materialized (
        select
            user_id,
            embedding as asked,
            memory_question_in_recall(embedding) as embedding,
            vector_norm(memory_question_in_recall(embedding)) as norm,
            least(4 * coalesce(k, 10)::bigint, 2147483647)::integer as places,
            tiers,
            max_distance,
            metadata,
            condition
    ),

    hidden as materialized (
        select h.memory_id
        from given as g
        cross join memories_hidden(g.user_id) as h
    ),

    -- With OFFSET, each value is computed once.
    question as (
        select
            g.user_id,
            g.asked,
            g.embedding,
            g.places,
            g.tiers,
            g.max_distance,
            g.metadata,
            g.condition,
            case
                when g.norm between 1e-15 and 1e15 and not exists (
                    select
                    from memories as m
                    where m.user_id between g.user_id and g.user_id
                    order by m.user_id
                    limit 1 offset 250
                ) then 'compare all'
                when g.norm between 1e-15 and 1e15 and g.places <= 40 and g.metadata is null and g.condition is null
                    then 'by signature'
                else 'search'
            end as way
        from given as g
        offset 0 -- noqa: AM09
    ),

    near as (
        select
            c.id,
            c.content,
            c.memory_type,
            c.metadata,
            c.distance,
            c.created_at
        from question as q
        cross join
            lateral (
                select
                    m.id,
                    m.content,
                    m.memory_type,
                    m.metadata,
                    cosine_distance(m.embedding, q.embedding) as distance,
                    m.created_at
                from memories as m
                where
                    q.way = 'compare all'
                    and m.user_id between q.user_id and q.user_id
                    and m.signature is not null
                    and (q.tiers is null or m.memory_type = any(q.tiers))
                    and (q.metadata is null or m.metadata @> q.metadata)
                    and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
                    and (
                        (select not exists (select from hidden))
                        or m.id not in (select h.memory_id from hidden as h)
                    )
                order by distance, m.id
                limit q.places
            ) as c
        where q.max_distance is null or c.distance <= q.max_distance
        union all
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.distance,
            m.created_at
        from question as q
        cross join lateral search_memories_by_signature(q.user_id, q.embedding, q.places, q.tiers) as s
        cross join
            lateral (
                select m.created_at
                from memories as m
                where m.id = s.id
                limit 1 -- noqa: AM09
            ) as m
        where q.way = 'by signature' and (q.max_distance is null or s.distance <= q.max_distance)
        union all
        select
            c.id,
            c.content,
            c.memory_type,
            c.metadata,
            c.distance,
            c.created_at
        from question as q
        cross join
            lateral recall_candidates(
                q.user_id, q.asked, q.places, q.tiers, q.max_distance, q.metadata, q.condition
            ) as c
        where q.way = 'search'
    ),

    weights as materialized (
        select
            w.memory_type,
            w.recency_weight,
            date_part('epoch', w.half_life) as half_life,
            w.importance_weight
        from memory_recall_weights as w
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
        left join
            lateral ( -- noqa: ST05
                select
                    i.importance,
                    i.recalls,
                    i.recalled_at
                from memory_importance as i
                where i.memory_id = n.id
                limit 1 -- noqa: AM09
            ) as i
            on true
        left join weights as w on n.memory_type = w.memory_type
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

comment on function recall_memories(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) is
'The k best of the 4 k memories of a user that are nearest to an embedding, best first: score is relevance × '
'recency_factor × importance_factor, and what it is made of stands beside it. Of these tiers, no farther than '
'max_distance, with this metadata, and with a jsonpath predicate that is true of it, where given.';
