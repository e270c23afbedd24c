-- The functions of 1006, as 1015 has them, so that they read one shard.
--
-- A distributed database sends a query to one shard where each table in it has the user as a value: user_id between two
-- values, or a user out of a subquery, goes to all. In PL/pgSQL, a parameter is such a value; in SQL, a function that
-- reads a distributed table cannot have parameters at all. What is hidden is asked first, as a list.
-- alongside: fast_search
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4021_search_by_signature_on_one_shard',
    'search_memories_by_signature(uuid, vector, integer, memory_type[])',
    'search_memories_in_widths(uuid, vector, integer, memory_type[], integer)'
);

create or replace function search_memories_by_signature(user_id uuid, embedding vector, k integer, tiers memory_type[])
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language plpgsql stable parallel restricted rows 10
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(select h.memory_id from memories_hidden(search_memories_by_signature.user_id) as h);
begin
    return query
    with question as materialized (
        select
            memory_signature(embedding)::bit(2048) as bits,
            memory_signature_doubts(d.direction)::bit(2048) as doubts
        from l2_normalize(embedding) as d (direction)
    ),

    signatures as not materialized (
        select
            m.id,
            m.signature,
            hamming_distance(m.signature, (select q.bits from question as q)) as differing
        from memories as m
        where
            m.user_id = search_memories_by_signature.user_id
            and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
            and m.signature is not null
    ),

    -- NULL if there are few: then nothing is dropped. The thousand are whichever come first.
    bound as materialized (
        select
            case
                when exists (select from signatures limit 1 offset 250) -- noqa: AM09
                    then (
                        select t.differing + 45
                        from (
                            select s.differing from signatures as s
                            where s.id <> all(hidden)
                            limit 1000 -- noqa: AM09
                        ) as t
                        order by t.differing
                        limit 1 offset 9
                    )
            end as differing
    ),

    -- A doubtful bit differs either as it is or flipped, so in the sum of both comparisons each doubtful bit counts
    -- once, whatever it is, and each other difference twice. Masking bits out would take PostgreSQL longer than
    -- comparing all of them again.
    near as materialized (
        select n.*
        from (
            select
                s.id,
                (
                    3 * s.differing
                    + hamming_distance(s.signature, (select bitxor(q.bits, q.doubts) from question as q))
                ) / 2 as weighted
            from signatures as s
            where s.differing <= coalesce((select b.differing from bound as b), 2048)
            offset 0 -- noqa: AM09
        ) as n
        where n.id <> all(hidden)
    ),

    -- With OFFSET, the array is built once, however often it is used.
    best as (
        select
            b.differing as bound,
            array(
                select n.weighted from near as n
                order by n.weighted
                limit 64
            ) as weighted
        from bound as b
        offset 0 -- noqa: AM09
    ),

    reach as (
        select
            case
                when b.bound is null or b.weighted[64] is null then 'infinity'
                else greatest(b.weighted[64], b.weighted[10] + 60)
            end as weighted
        from best as b
    )

    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        cosine_distance(m.embedding, (select search_memories_by_signature.embedding)) as distance
    from memories as m
    where
        m.user_id = search_memories_by_signature.user_id
        and m.id = any(
            array(
                select n.id from near as n
                where n.weighted <= (select r.weighted from reach as r)
            )
        )
    order by distance, m.id
    limit k;
end;
$$;

create or replace function search_memories_in_widths(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    candidates integer
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language plpgsql stable parallel restricted rows 10
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(select h.memory_id from memories_hidden(search_memories_in_widths.user_id) as h);
begin
    return query
    with recursive question as materialized (
        select
            user_id,
            embedding,
            k as places,
            tiers,
            candidates,
            memory_signature(embedding)::bit(2048) as bits,
            bitxor(
                memory_signature(embedding)::bit(2048), memory_signature_doubts(l2_normalize(embedding))::bit(2048)
            ) as doubts_flipped
    ),

    signatures as not materialized (
        select
            m.id,
            m.signature,
            q.doubts_flipped,
            hamming_distance(m.signature, q.bits) as differing
        from question as q
        inner join memories as m
            on
                m.user_id = search_memories_in_widths.user_id
                and (q.tiers is null or m.memory_type = any(q.tiers))
                and m.signature is not null
    ),

    -- Whichever come first.
    thousand as (
        select s.differing
        from signatures as s
        where s.id <> all(hidden)
        limit 1000 -- noqa: AM09
    ),

    sample as materialized (
        select
            array_agg(t.differing order by t.differing) as differing,
            count(*) <= 250
            or not exists (
                select
                from signatures
                limit 1 offset (select 2 * q.places::bigint from question as q) -- noqa: AM09
            ) as few
        from thousand as t
    ),

    -- The widths of an answer, up to the first that is wide enough.
    widths as (
        select
            10 * (1 << n) as width,
            case when q.candidates >= 20 * (1 << n) then q.candidates end as candidates
        from question as q
        cross join generate_series(0, 26) as n
        where n = 0 or 5 * (1 << n) < q.places
    ),

    looks as materialized (
        select
            w.width,
            s.few,
            greatest(2 * w.width, coalesce(w.candidates, 64)) as fewest,
            case when w.candidates is null then 60 else 0 end as margin,
            case
                when s.few then 2048
                else coalesce(s.differing[greatest(w.width, w.candidates)] + 45, 2048)
            end as bound
        from sample as s
        cross join widths as w
    ),

    near as materialized (
        select n.*
        from (
            select
                s.id,
                s.differing,
                (3 * s.differing + hamming_distance(s.signature, s.doubts_flipped)) / 2 as weighted
            from signatures as s
            where s.differing <= (select max(l.bound) from looks as l)
            offset 0 -- noqa: AM09
        ) as n
        where n.id <> all(hidden)
    ),

    best as materialized (
        select
            l.width,
            l.few,
            l.fewest,
            l.margin,
            l.bound,
            array(
                select n.weighted
                from near as n
                where n.differing <= l.bound
                order by n.weighted
                limit l.fewest
            ) as weighted
        from looks as l
    ),

    reaches as materialized (
        select
            b.width,
            b.bound,
            case
                when b.few or b.weighted[b.fewest] is null then 'infinity'
                else greatest(b.weighted[b.fewest], b.weighted[b.width] + b.margin)
            end as reach
        from best as b
    ),

    found as materialized (
        select
            n.id,
            min(r.width) as width
        from reaches as r
        inner join near as n on r.bound >= n.differing and r.reach >= n.weighted
        group by n.id
    ),

    -- With the limit, each is looked up by its key, however many rows the planner expects.
    compared as materialized (
        select
            f.width,
            m.id,
            m.content,
            m.memory_type,
            m.metadata,
            cosine_distance(m.embedding, q.embedding) as distance
        from question as q
        cross join found as f
        cross join lateral (
            select
                m.id,
                m.content,
                m.memory_type,
                m.metadata,
                m.embedding
            from memories as m
            where m.user_id = search_memories_in_widths.user_id and m.id = f.id
            limit 1 -- noqa: AM09
        ) as m
    ),

    -- The last place of each width that is smaller than the answer.
    lasts as (
        select
            0 as width,
            0::bigint as places,
            '-infinity'::double precision as distance,
            '00000000-0000-0000-0000-000000000000'::uuid as id
        union all
        select
            w.width,
            l.places + coalesce(more.places, 0) as places,
            coalesce(more.distance, l.distance) as distance,
            coalesce(more.id, l.id) as id
        from lasts as l
        inner join looks as w on w.width = case when l.width = 0 then 10 else 2 * l.width end
        left join
            lateral ( -- noqa: ST05
                select
                    n.distance,
                    n.id,
                    count(*) over () as places
                from (
                    select
                        c.distance,
                        c.id
                    from compared as c
                    where c.width <= w.width and (c.distance, c.id) > (l.distance, l.id)
                    order by c.distance, c.id
                    limit w.width - l.places
                ) as n
                order by n.distance desc, n.id desc
                limit 1
            ) as more
            on true
        where w.width < (select q.places from question as q)
    )

    select
        c.id,
        c.content,
        c.memory_type,
        c.metadata,
        c.distance
    from compared as c
    where
        not exists (
            select from lasts as l
            where l.width < c.width and (c.distance, c.id) <= (l.distance, l.id)
        )
    order by c.distance, c.id
    limit k;
end;
$$;

select memory_fix_search_paths(
    'search_memories_by_signature(uuid, vector, integer, memory_type[])',
    'search_memories_in_widths(uuid, vector, integer, memory_type[], integer)'
);
