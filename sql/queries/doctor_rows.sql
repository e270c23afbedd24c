-- What memdb doctor and memdb inspect read of memories themselves: samples, ends of indexes, and never a whole table,
-- but where it is small or an index alone answers. {schema} and {vector} are where memories and the extension live.

-- name: settings
-- Under row-level security, rows that this role may not see would look as if they were not there.
select set_config('row_security', 'off', true);

-- name: may_read
select has_table_privilege(%(memories)s::oid, 'select') and has_schema_privilege(%(schema)s, 'usage');

-- name: sample
-- The product of an embedding with itself is the square of its length, of whichever type it is.
select
    count(*) as rows,
    count(*) filter (where s.embedding is null) as without,
    count(*) filter (where s.length = 0) as zero,
    count(*) filter (where s.length between 0.98 and 1.02) as unit,
    count(*) filter (where s.length > 0 and s.length not between 0.98 and 1.02) as other,
    count(*) filter (
        where s.memory_type = 'task' and s.accessed_at < now() - make_interval(days => %(days)s)
    ) as expired,
    count(*) filter (where s.accessed_at > s.created_at + interval '1 second') as recalled,
    coalesce(extract(epoch from max(s.created_at) - min(s.created_at))::float8 / 86400, 0) as days
from (
    select
        m.embedding,
        m.memory_type::text as memory_type,
        least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00') as created_at,
        m.accessed_at,
        sqrt(abs(m.embedding operator ({vector}.<#>) m.embedding)) as length -- noqa: PRS
    from ({looked_at}) as m -- noqa: PRS
) as s;

-- name: looked_at
select
    m.id,
    m.memory_type,
    m.content,
    m.created_at,
    m.accessed_at,
    m.embedding
from {schema}.memories as m tablesample system (%(percent)s::real) -- noqa: PRS
limit %(most)s;

-- name: looked_at_beside
-- The same with the embeddings of the model that has taken over.
select
    m.id,
    m.memory_type,
    m.content,
    m.created_at,
    m.accessed_at,
    e.embedding,
    e.content_hash
from {schema}.memories as m tablesample system (%(percent)s::real) -- noqa: PRS
left join {beside} as e on m.id = e.memory_id
limit %(most)s;

-- name: stale_beside
select
    count(*) as rows,
    count(*) filter (where m.content_hash <> substr(sha256(convert_to(m.content, 'UTF8')), 1, 16)) as stale
from ({looked_at}) as m; -- noqa: PRS

-- name: embedding_sources
-- The table of the set embeddings, and whether this role may read it.
select
    s.oid::bigint,
    has_table_privilege(s.oid, 'select')
from pg_class as m
inner join pg_class as s on m.relnamespace = s.relnamespace
where m.oid = %(memories)s::oid and s.relkind = 'r' and s.relname = 'memory_embedding_sources';

-- name: stale
-- Hashes are those of memory_content_hash and memory_embedding_hash. {send} writes an embedding in binary. Of what was
-- noted, only that of the sample is taken: it may be in other shards.
with looked_at as materialized ({looked_at}), -- noqa: PRS

noted as (
    select
        n.memory_id,
        n.content_hash,
        n.embedding_hash
    from {schema}.memory_embedding_sources as n
    where n.memory_id in (select o.id from looked_at as o)
)

select
    count(*) as rows,
    count(*) filter (
        where
        s.content_hash <> substr(sha256(convert_to(m.content, 'UTF8')), 1, 16)
        and s.embedding_hash = substr(sha256({send}(m.embedding)), 1, 16) -- noqa: PRS
    ) as stale
from looked_at as m
left join noted as s on m.id = s.memory_id;

-- name: oldest
-- The memories that were recalled longest ago, by the index: how many of them are tasks that should be gone.
select count(*)
from (
    select
        m.memory_type::text as memory_type,
        m.accessed_at
    from {schema}.memories as m -- noqa: PRS
    order by m.accessed_at
    limit %(most)s
) as o
where o.memory_type = 'task' and o.accessed_at < now() - make_interval(days => %(days)s);

-- name: extent
select
    c.reltuples::float8,
    c.relpages,
    c.relallvisible
from pg_class as c
where c.oid = %s;

-- name: tiers
select
    m.memory_type::text,
    count(*)
from {schema}.memories as m -- noqa: PRS
group by m.memory_type
order by m.memory_type;

-- name: ages
-- 0 is before the first of the moments. One column is needed, so that its index can answer.
select
    width_bucket(m.created_at, %(moments)s::timestamptz[]) as age,
    count(*)
from {schema}.memories as m -- noqa: PRS
group by age;

-- name: sampled
select
    m.memory_type::text,
    width_bucket(m.created_at, %(moments)s::timestamptz[]) as age,
    count(*)
from {schema}.memories as m tablesample system (%(percent)s::real) -- noqa: PRS
group by m.memory_type, age
order by m.memory_type;

-- name: ends
-- Times that Python cannot hold, infinite ones among them, are the first and last that it can.
select
    least(greatest(min(m.created_at), '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(max(m.created_at), '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00')
from {schema}.memories as m; -- noqa: PRS

-- name: users
with sizes as materialized (
    select count(*)::int as memories
    from {schema}.memories as m -- noqa: PRS
    group by m.user_id
)

select
    (select count(*) from sizes),
    (select percentile_disc(0.5) within group (order by s.memories) from sizes as s),
    (select percentile_disc(0.95) within group (order by s.memories) from sizes as s),
    (select max(s.memories) from sizes as s),
    array(
        select count(s.memories)
        from unnest(%(bounds)s::int[]) with ordinality as b (least, place)
        left join sizes as s on b.place = width_bucket(s.memories, %(bounds)s::int[])
        group by b.place
        order by b.place
    );

-- name: sizes
select
    format('%%I.%%I', n.nspname, c.relname) as name,
    'table' as kind,
    pg_table_size(c.oid) as bytes,
    c.oid::bigint as table,
    c.relname::text as bare
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.oid = %(memories)s::oid
    or (c.relname = 'memory_collections' and c.relkind = 'r' and n.nspname = %(schema)s)
union all
select
    format('%%I.%%I', n.nspname, c.relname),
    m.amname::text,
    pg_relation_size(c.oid),
    i.indrelid::bigint,
    c.relname::text
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_am as m on c.relam = m.oid
where i.indrelid = %(memories)s::oid
order by bytes desc, name asc;

-- name: newest
select
    m.memory_type::text,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00') as shown_at,
    case when length(m.content) > %(longest)s then left(m.content, %(longest)s - 1) || '…' else m.content end
from {schema}.memories as m -- noqa: PRS
order by m.created_at desc
limit %(most)s;
