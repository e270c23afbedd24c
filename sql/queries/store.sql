-- What memdb.store asks beside the statements that SQLAlchemy builds from the models.

-- name: type_of_embeddings
-- The schema and the number of the type vector. No row: there is no extension.
select
    n.nspname,
    v.oid
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
inner join pg_type as v on n.oid = v.typnamespace and v.typname = 'vector'
where e.extname = 'vector';

-- name: nearest
-- The memories of user $1 nearest to the embedding $2, $3 at most, of the tiers $4, not beyond the distance $5, whose
-- metadata contain $6, and for whose metadata the jsonpath $7 holds; NULL is no condition. What has
-- expired is a block of retrieval.sql.
-- cosine_distance is what <=> stands for; as no index serves it, no plan can lose rows. Parameters that are converted
-- stand in subqueries: each is converted once. The distance to an embedding of zeros is NaN, which is beyond any.
-- Times that other programs have set may be infinite, or before Christ: Python has none, and drivers would fail.
select
    f.id,
    f.user_id,
    f.memory_type::text,
    f.content,
    f.metadata::text,
    least(greatest(f.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(f.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance
from (
    select
        m.id,
        m.user_id,
        m.memory_type,
        m.content,
        m.metadata,
        m.created_at,
        m.accessed_at,
        {extension}.cosine_distance(m.embedding, (select cast(cast($2 as {sent}) as {embedding}))) as distance
    from {table} as m
    where
        m.user_id = $1
        and m.embedding is not null
        and ($4::text[] is null or m.memory_type = any((select $4::text[]::{tier}[])::{tier}[]))
        and ($6::text is null or m.metadata @> (select $6::text::jsonb))
        and ($7::text is null or coalesce(m.metadata, '{}') @@ (select $7::text::jsonpath))
        and m.id not in ({expired})
    order by distance, m.id
    limit $3
) as f
where f.distance <= $5
order by f.distance, f.id;

-- name: searched
-- The same through search_memories, which knows no jsonpath.
with f as materialized (
    select
        s.id,
        s.distance
    from
        {search_memories}(
            $1,
            cast(cast($2 as {sent}) as {embedding}),
            $3::integer,
            $4::text[]::{tier}[],
            $5::double precision,
            $6::text::jsonb,
            null
        ) as s
)

select
    m.id,
    m.user_id,
    m.memory_type::text,
    m.content,
    m.metadata::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance
from f
cross join lateral ({memory}) as m
where f.distance <= 2
order by f.distance, m.id;

-- name: filtered
-- The same through search_memories_where.
with f as materialized (
    select
        s.id,
        s.distance
    from
        {search_memories_where}(
            $1,
            cast(cast($2 as {sent}) as {embedding}),
            $7::text::jsonpath,
            $3::integer,
            $4::text[]::{tier}[],
            $5::double precision,
            $6::text::jsonb,
            null
        ) as s
)

select
    m.id,
    m.user_id,
    m.memory_type::text,
    m.content,
    m.metadata::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance
from f
cross join lateral ({memory}) as m
where f.distance <= 2
order by f.distance, m.id;

-- name: in_collection
-- The same through search_memories_in_collection, for the collection $8.
with f as materialized (
    select
        s.id,
        s.distance
    from
        {search_memories_in_collection}(
            $1,
            $8::uuid,
            cast(cast($2 as {sent}) as {embedding}),
            $3::integer,
            $4::text[]::{tier}[],
            $5::double precision,
            $6::text::jsonb,
            $7::text::jsonpath
        ) as s
)

select
    m.id,
    m.user_id,
    m.memory_type::text,
    m.content,
    m.metadata::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.distance
from f
cross join lateral ({memory}) as m
order by f.distance, m.id;

-- name: hand_on_memory_user
-- As the function of that name, which only a database with the sets citus and row_security has.
do $$
declare
    handing_on constant text := coalesce(current_setting('citus.propagate_set_commands', true), 'none');
begin
    set local citus.propagate_set_commands = 'local';
    execute 'set local memdb.user_id = ' || quote_literal(current_setting('memdb.user_id'));
    execute 'set local citus.propagate_set_commands = ' || quote_literal(handing_on);
end
$$;
