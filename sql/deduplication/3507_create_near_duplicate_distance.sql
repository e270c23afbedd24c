-- How near two memories of a user must be for one to be proposed as a duplicate of the other, told by the user's own
-- memories: what is near for one model is far for another, so no constant would do.
--
--     max_distance = least(0.15 × random, greatest(0.5 × neighbour, 2 × same text))
--
-- random: the median distance of two memories, which says how wide the model spreads what this user says. neighbour:
-- how far three quarters of the memories are from the nearest other one, at most; where all are alike, as from a
-- template, it is small, and so is what counts as near. same text: what the embeddings of one text differ by, at the
-- 95th percentile; below that, nothing can be told apart. docs/duplicates.md says what the figures rest on.
--
-- It looks at 100 memories, always the same as long as these do not change, and takes the neighbour of each from three
-- that differ in the fewest signs. Of what says the same, one counts. Fewer than 20 are nothing to go by: NULL.
--
-- Which embedding of a memory is compared says a function of its own, which PostgreSQL inlines: that in memories. When
-- another model takes over (docs/changing-models.md), its migrations replace the body.
create function memory_embedding_for_duplicates(memory_id uuid, embedding vector)
returns table (compared vector)
language sql stable parallel safe rows 1
begin atomic

    select memory_embedding_for_duplicates.embedding as compared;

end;

create function near_duplicate_distance(user_id uuid)
returns table (
    memories bigint,
    random double precision,
    neighbour double precision,
    same_text double precision,
    max_distance double precision
)
language sql stable parallel safe
set jit = off
set work_mem = '64MB'
begin atomic

    with texts as materialized (
        select array_agg(m.id order by m.memory_type, m.created_at, m.id) as ids
        from memories as m
        cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
        where
            m.user_id = near_duplicate_distance.user_id
            and vector_norm(e.compared) between 1e-15 and 1e15
            and not exists (
                select from memories_hidden_from_duplicates(near_duplicate_distance.user_id) as h
                where h.memory_id = m.id
            )
        group by memory_content_key(m.content)
    ),

    own as materialized (
        select
            m.id,
            binary_quantize(e.compared) as bits
        from texts as t
        inner join memories as m on m.id = t.ids[1]
        cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
    ),

    sample as materialized (
        select
            m.id,
            e.compared as embedding,
            s.bits
        from (
            select
                o.id,
                o.bits
            from own as o
            order by hashtextextended(o.id::text, 0)
            limit 100
        ) as s
        inner join memories as m on s.id = m.id
        cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
    ),

    pairs as (
        select percentile_cont(0.5) within group (order by cosine_distance(a.embedding, b.embedding)) as distance
        from sample as a
        inner join sample as b on a.id < b.id
    ),

    neighbours as (
        select percentile_cont(0.75) within group (order by n.distance) as distance
        from sample as s
        cross join
            lateral (
                select min(cosine_distance(e.compared, s.embedding)) as distance
                from (
                    select o.id
                    from own as o
                    where o.id <> s.id
                    order by hamming_distance(o.bits, s.bits)
                    limit 3
                ) as c
                inner join memories as m on c.id = m.id
                cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
            ) as n
    ),

    twins as (
        select percentile_cont(0.95) within group (order by cosine_distance(x.compared, y.compared)) as distance
        from (
            select
                t.ids[1] as one,
                t.ids[2] as other
            from texts as t
            where cardinality(t.ids) > 1
            order by hashtextextended(t.ids[1]::text, 0)
            limit 100
        ) as t
        inner join memories as a on t.one = a.id
        inner join memories as b on t.other = b.id
        cross join memory_embedding_for_duplicates(a.id, a.embedding) as x
        cross join memory_embedding_for_duplicates(b.id, b.embedding) as y
    )

    select
        (select count(*) from own) as memories,
        p.distance as random,
        n.distance as neighbour,
        t.distance as same_text,
        case
            when (select count(*) from own) >= 20
                then least(0.15 * p.distance, greatest(0.5 * n.distance, 2 * t.distance))
        end as max_distance
    from pairs as p
    cross join neighbours as n
    cross join twins as t;

end;

comment on function memory_embedding_for_duplicates(memory_id uuid, embedding vector) is
'Part of near_duplicates and near_duplicate_distance: what is compared of a memory that has this embedding in '
'memories.';
comment on function near_duplicate_distance(user_id uuid) is
'How near two memories of a user must be to be proposed as duplicates (max_distance), and what that rests on: the '
'median distance of two memories, that of near neighbours, and that of the same text. NULL for fewer than 20 memories.';
