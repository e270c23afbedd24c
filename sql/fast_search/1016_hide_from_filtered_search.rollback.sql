-- As 1012 has them.
create or replace function search_memories_filtered(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    candidates integer,
    metadata jsonb,
    condition jsonpath
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
set jit = off
set enable_bitmapscan = off
begin atomic

    with recursive question as materialized (
        select
            user_id,
            embedding,
            k as places,
            tiers,
            candidates,
            metadata,
            condition,
            memory_signature(embedding)::bit(2048) as bits,
            bitxor(
                memory_signature(embedding)::bit(2048), memory_signature_doubts(l2_normalize(embedding))::bit(2048)
            ) as doubts_flipped
    ),

    -- The widths of an answer, up to the first that is wide enough, or more than 1024 would have to pass; how many have
    -- to pass for each, and are compared.
    widths as materialized (
        select
            w.width,
            coalesce(w.candidates, greatest(4 * w.width, 64)) as fewest,
            coalesce(w.candidates, 4 * greatest(4 * w.width, 64)) as most,
            case when w.candidates is null then 60 else 0 end as margin
        from (
            select
                10 * (1 << n) as width,
                case when q.candidates >= 20 * (1 << n) then q.candidates end as candidates
            from question as q
            cross join generate_series(0, 6) as n
            where n = 0 or 5 * (1 << n) < q.places
        ) as w
    ),

    -- In scans, a user as a value is quicker than a join.
    signatures as not materialized (
        select
            m.id,
            (
                3 * hamming_distance(m.signature, (select q.bits from question as q))
                + hamming_distance(m.signature, (select q.doubts_flipped from question as q))
            ) / 2 as weighted
        from memories as m
        where
            m.user_id between (select q.user_id from question as q) and (select q.user_id from question as q)
            and (
                (select q.tiers is null from question as q)
                or m.memory_type = any((select q.tiers from question as q)::memory_type[])
            )
            and m.signature is not null
    ),

    passing as not materialized (
        select
            m.user_id,
            m.id,
            m.content,
            m.memory_type,
            m.metadata,
            (3 * hamming_distance(m.signature, q.bits) + hamming_distance(m.signature, q.doubts_flipped)) / 2
                as weighted,
            cosine_distance(m.embedding, q.embedding) as distance
        from question as q
        cross join memories as m
        where
            m.signature is not null
            and (q.tiers is null or m.memory_type = any(q.tiers))
            and (q.metadata is null or m.metadata @> q.metadata)
            and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
    ),

    ranked as materialized (
        select
            s.id,
            s.weighted
        from signatures as s
        order by s.weighted, s.id
        limit 1024
    ),

    -- If not even four of the first 128 pass, too few of all will.
    outlook as materialized (
        select count(*) = 4 as is_good
        from (
            select
            from passing as p
            where
                p.id = any(
                    array(
                        select r.id from ranked as r
                        order by r.weighted, r.id
                        limit 128
                    )
                )
            limit 4 -- noqa: AM09
        ) as p
    ),

    -- With the limits, each row is looked up by its key, and only when it is its turn.
    nearest as materialized (
        select
            p.*,
            row_number() over (order by r.weighted, r.id) as place
        from (
            select
                r.id,
                r.weighted
            from ranked as r
            where (select o.is_good from outlook as o)
            order by r.weighted, r.id
        ) as r
        cross join
            lateral (
                select p.*
                from passing as p
                where p.id = r.id
                limit 1 -- noqa: AM09
            ) as p
        order by r.weighted, r.id
        limit (select max(w.most) from widths as w)
    ),

    -- How far others are compared besides these; NULL where too few pass.
    reaches as materialized (
        select
            w.width,
            w.most,
            case when n.weighted[w.fewest] is not null then n.weighted[w.width] + w.margin end as reach
        from widths as w
        cross join (
            select array_agg(n.weighted order by n.place) as weighted
            from nearest as n
        ) as n
    ),

    extent as materialized (
        select
            r.reach,
            r.is_whole,
            n.weighted as seen_weighted,
            n.id as seen_id
        from (
            select
                max(r.reach) as reach,
                bool_or(r.reach is null) as is_whole
            from reaches as r
        ) as r
        left join (
            select
                n.weighted,
                n.id
            from nearest as n
            order by n.place desc
            limit 1
        ) as n on true
    ),

    found as materialized (
        select n.*
        from nearest as n
        where (select not e.is_whole from extent as e)
        union all
        select
            p.*,
            null as place
        from passing as p
        where
            p.id = any(
                array(
                    select s.id
                    from signatures as s
                    where
                        (select not e.is_whole and e.reach >= e.seen_weighted from extent as e)
                        and s.weighted <= (select e.reach from extent as e)
                        and (s.weighted, s.id)
                        > ((select e.seen_weighted from extent as e), (select e.seen_id from extent as e))
                )
            )
        union all
        select
            p.*,
            n.place
        from passing as p
        left join nearest as n on p.id = n.id
        where
            (select e.is_whole from extent as e)
            and p.user_id between (select q.user_id from question as q) and (select q.user_id from question as q)
    ),

    -- If k is half of all that pass, none of them is left out.
    compared as materialized (
        select
            case
                when (select e.is_whole from extent as e) and f.passing <= 2 * q.places::bigint then 10
                else (
                    select min(r.width)
                    from reaches as r
                    where r.reach is null or r.reach >= f.weighted or r.most >= f.place
                )
            end as width,
            f.id,
            f.content,
            f.memory_type,
            f.metadata,
            f.distance
        from question as q
        cross join (
            select
                f.*,
                count(*) over () as passing
            from found as f
        ) as f
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
        inner join widths as w on w.width = case when l.width = 0 then 10 else 2 * l.width end
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

create or replace function search_memories_where(
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

    -- Nothing is near an embedding of zeros. If the squares of an embedding overflow or underflow single precision, its
    -- direction is used instead. With OFFSET, each value is computed once, without a copy of the embedding.
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
                from memories as m
                where m.user_id between g.user_id and g.user_id
                order by m.user_id
                limit 1 offset case when g.metadata is null and g.condition is null then 250 else 1024 end
            ) as by_signature
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
                cosine_distance(m.embedding, q.embedding) as distance
            from (
                select
                    m.id,
                    m.content,
                    m.memory_type,
                    m.metadata,
                    m.embedding,
                    m.signature
                from memories as m
                where m.user_id between q.user_id and q.user_id
                order by m.user_id
                limit case when q.unfiltered then 250 else 1024 end
            ) as m
            where
                not q.by_signature
                and m.signature is not null
                and (q.tiers is null or m.memory_type = any(q.tiers))
                and (q.metadata is null or m.metadata @> q.metadata)
                and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
            union all
            select
                s.id,
                s.content,
                s.memory_type,
                s.metadata,
                s.distance
            from search_memories_by_signature(q.user_id, q.embedding, q.places, q.tiers) as s
            where q.by_signature and q.unfiltered and q.usual
            union all
            select
                s.id,
                s.content,
                s.memory_type,
                s.metadata,
                s.distance
            from search_memories_in_widths(q.user_id, q.embedding, q.places, q.tiers, q.candidates) as s
            where q.by_signature and q.unfiltered and not q.usual
            union all
            select
                s.id,
                s.content,
                s.memory_type,
                s.metadata,
                s.distance
            from
                search_memories_filtered(
                    q.user_id, q.embedding, q.places, q.tiers, q.candidates, q.metadata, q.condition
                ) as s
            where q.by_signature and not q.unfiltered
        ) as f
    where q.embedding is not null and (q.max_distance is null or f.distance <= q.max_distance)
    order by f.distance, f.id
    limit coalesce(k, 10);

end;

-- Replacing a function takes its settings off. Where 1010 and 1013 are applied, they have fixed their search_path.
do $$
begin
    if exists (
        select
        from pg_proc
        where
            oid = 'memory_signature(vector)'::regprocedure
            and 'search_path=""' = any(proconfig)
    ) then
        alter function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
        set search_path = '';
        alter function search_memories_where(
            user_id uuid,
            embedding vector,
            condition jsonpath,
            k integer,
            tiers memory_type[],
            max_distance double precision,
            metadata jsonb,
            candidates integer
        )
        set search_path = '';
    end if;
end
$$;
