-- The same for near_duplicates of 3508. The embeddings stay in the shard, where all pairs are compared.
-- alongside: deduplication
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4037_find_near_duplicates_on_one_shard', 'near_duplicates'::regproc);

create or replace function near_duplicates(user_id uuid, max_distance double precision default null)
returns table (memory_id uuid, duplicate_id uuid, distance double precision)
language plpgsql stable parallel restricted
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    nearest constant double precision := nullif(
        coalesce(
            near_duplicates.max_distance,
            (select d.max_distance from near_duplicate_distance(near_duplicates.user_id) as d)
        ),
        'NaN'
    );
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_from_duplicates(near_duplicates.user_id) as h
    );
begin
    if nearest is null then
        return;
    end if;
    return query
    with texts as materialized (
        select (array_agg(m.id order by m.memory_type, m.created_at, m.id))[1] as id
        from memories as m
        where
            m.user_id = near_duplicates.user_id
            and vector_norm(m.embedding) between 1e-15 and 1e15
            and m.id <> all(hidden)
        group by memory_content_key(m.content)
    ),

    own as materialized (
        select
            m.id,
            binary_quantize(m.embedding) as bits,
            row_number() over (order by m.memory_type, m.created_at, m.id) as place,
            ntile(16) over (order by m.memory_type, m.created_at, m.id) as part
        from texts as t
        inner join memories as m on t.id = m.id
        where m.user_id = near_duplicates.user_id
    ),

    bound as materialized (
        select s.numbers * s.share + 8 * sqrt(s.numbers * s.share * (1 - s.share)) as bits
        from (
            select
                acos(1 - least(greatest(nearest, 0), 2)) / pi() as share,
                (select length(o.bits) from own as o limit 1) as numbers -- noqa: AM09
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
            select cosine_distance(a.embedding, b.embedding) as distance
            from memories as a
            cross join memories as b
            where
                a.user_id = near_duplicates.user_id and b.user_id = near_duplicates.user_id
                and a.id = n.id and b.id = n.other
            limit 1 -- noqa: AM09
        ) as d
    where d.distance <= nearest
    order by d.distance, n.id, n.other;
end;
$$;

select memory_fix_search_paths('near_duplicates'::regproc);
