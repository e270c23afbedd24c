-- The same for near_duplicate_distance of 3507. It compares the embeddings in memories: a table of those of another
-- model beside them is in the way of the set.
-- alongside: deduplication
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4036_tell_near_distance_on_one_shard', 'near_duplicate_distance'::regproc);

create or replace function near_duplicate_distance(user_id uuid)
returns table (
    memories bigint,
    random double precision,
    neighbour double precision,
    same_text double precision,
    max_distance double precision
)
language plpgsql stable parallel restricted
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_from_duplicates(near_duplicate_distance.user_id) as h
    );
begin
    return query
    with texts as materialized (
        select array_agg(m.id order by m.memory_type, m.created_at, m.id) as ids
        from memories as m
        where
            m.user_id = near_duplicate_distance.user_id
            and vector_norm(m.embedding) between 1e-15 and 1e15
            and m.id <> all(hidden)
        group by memory_content_key(m.content)
    ),

    own as materialized (
        select
            m.id,
            binary_quantize(m.embedding) as bits
        from texts as t
        inner join memories as m on m.id = t.ids[1]
        where m.user_id = near_duplicate_distance.user_id
    ),

    sample as materialized (
        select
            m.id,
            m.embedding,
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
        where m.user_id = near_duplicate_distance.user_id
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
                select min(cosine_distance(m.embedding, s.embedding)) as distance
                from (
                    select o.id
                    from own as o
                    where o.id <> s.id
                    order by hamming_distance(o.bits, s.bits)
                    limit 3
                ) as c
                inner join memories as m on c.id = m.id
                where m.user_id = near_duplicate_distance.user_id
            ) as n
    ),

    twins as (
        select percentile_cont(0.95) within group (order by cosine_distance(a.embedding, b.embedding)) as distance
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
        where a.user_id = near_duplicate_distance.user_id and b.user_id = near_duplicate_distance.user_id
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
$$;

select memory_fix_search_paths('near_duplicate_distance'::regproc);
