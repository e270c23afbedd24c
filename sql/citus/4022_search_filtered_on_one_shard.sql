-- The same for search_memories_filtered of 1016. In PL/pgSQL, nothing can be taken and given under one name, as
-- metadata are, so a function with other names does it.
-- alongside: fast_search
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4022_search_filtered_on_one_shard',
    'search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)'
);

create function search_memories_passing(
    owner uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    candidates integer,
    contained jsonb,
    condition jsonpath
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language plpgsql stable parallel restricted rows 10
set jit = off
set enable_bitmapscan = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(select h.memory_id from memories_hidden(owner) as h);
begin
    return query
    with recursive question as materialized (
        select
            embedding,
            k as places,
            tiers,
            candidates,
            contained as metadata,
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
            m.user_id = search_memories_passing.owner
            and (
                (select q.tiers is null from question as q)
                or m.memory_type = any((select q.tiers from question as q)::memory_type[])
            )
            and m.signature is not null
    ),

    passing as not materialized (
        select
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
            m.user_id = search_memories_passing.owner
            and m.signature is not null
            and (q.tiers is null or m.memory_type = any(q.tiers))
            and (q.metadata is null or m.metadata @> q.metadata)
            and (q.condition is null or coalesce(m.metadata, '{}') @@ q.condition)
            and m.id <> all(hidden)
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
        where (select e.is_whole from extent as e)
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
$$;

comment on function search_memories_passing(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath) is
'Part of search_memories_filtered: reads one shard.';

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
language sql stable parallel restricted rows 10
begin atomic

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.distance
    from search_memories_passing(user_id, embedding, k, tiers, candidates, metadata, condition) as f;

end;

select memory_fix_search_paths(
    'search_memories_passing(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)'
);
