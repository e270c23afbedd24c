-- Pairs of memories of a user that say nearly the same, to be judged by somebody: nothing merges them unasked. "Lunch
-- at 12" and "Lunch at 1" are as near as two wordings of one thing.
--
-- All pairs are compared by the signs of their numbers first, which takes 0.1 microseconds each, and by distance if so
-- few of them differ as can be at this distance. Of two directions at an angle, the signs would differ in a share of
-- angle / π of the numbers, if those were random; of real ones, in up to 7.6 standard deviations more. So 8 pass.
--
-- Of memories that say just the same, one is compared. The time grows with the square of the number of memories. Each
-- is joined with those of its part and of later ones, of sixteen: without parts, PostgreSQL would go through all pairs
-- both ways, and with a merge join, it would sort what it can read as it comes.
create function near_duplicates(user_id uuid, max_distance double precision default null)
returns table (memory_id uuid, duplicate_id uuid, distance double precision)
language sql stable parallel safe
set jit = off
set work_mem = '64MB'
set enable_mergejoin = off
begin atomic

    with given as materialized (
        select g.max_distance
        from (
            select
                coalesce(
                    near_duplicates.max_distance,
                    (select d.max_distance from near_duplicate_distance(near_duplicates.user_id) as d)
                ) as max_distance
        ) as g
    ),

    texts as materialized (
        select (array_agg(m.id order by m.memory_type, m.created_at, m.id))[1] as id
        from memories as m
        cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
        where
            m.user_id = near_duplicates.user_id
            and vector_norm(e.compared) between 1e-15 and 1e15
            and (select nullif(g.max_distance, 'NaN') is not null from given as g)
            and not exists (
                select from memories_hidden_from_duplicates(near_duplicates.user_id) as h
                where h.memory_id = m.id
            )
        group by memory_content_key(m.content)
    ),

    own as materialized (
        select
            m.id,
            binary_quantize(e.compared) as bits,
            row_number() over (order by m.memory_type, m.created_at, m.id) as place,
            ntile(16) over (order by m.memory_type, m.created_at, m.id) as part
        from texts as t
        inner join memories as m on t.id = m.id
        cross join memory_embedding_for_duplicates(m.id, m.embedding) as e
    ),

    bound as materialized (
        select s.numbers * s.share + 8 * sqrt(s.numbers * s.share * (1 - s.share)) as bits
        from (
            select
                acos(1 - least(greatest(g.max_distance, 0), 2)) / pi() as share,
                (select length(o.bits) from own as o limit 1) as numbers -- noqa: AM09
            from given as g
        ) as s
    ),

    near as materialized (
        select
            a.id,
            b.id as other
        from own as a
        cross join generate_series(a.part, 16) as p (part)
        inner join own as b
            on
                p.part = b.part
                and hamming_distance(a.bits, b.bits) <= (select l.bits from bound as l)
                and a.place < b.place
    )

    -- With the limit, each is looked up by its key, however many rows the planner expects.
    select
        n.id as memory_id,
        n.other as duplicate_id,
        d.distance
    from near as n
    cross join
        lateral (
            select cosine_distance(x.compared, y.compared) as distance
            from memories as a
            cross join memories as b
            cross join memory_embedding_for_duplicates(a.id, a.embedding) as x
            cross join memory_embedding_for_duplicates(b.id, b.embedding) as y
            where a.id = n.id and b.id = n.other
            limit 1 -- noqa: AM09
        ) as d
    where d.distance <= (select nullif(g.max_distance, 'NaN') from given as g)
    order by d.distance, n.id, n.other;

end;

comment on function near_duplicates(user_id uuid, max_distance double precision) is
'Pairs of memories of a user that are no farther apart than max_distance, nearest first; without one, than '
'near_duplicate_distance says. memory_id is the one to keep: of the tier that is kept longest, and the older one.';
