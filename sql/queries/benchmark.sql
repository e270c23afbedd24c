-- What benchmark-similarity runs. It only reads, but for the blocks add, insert_copy and trial_…, which options ask for
-- and which are rolled back.
--
-- {schema} and {vector} are where memories and the extension live; other names are those of pg_catalog. {user_type} and
-- {embedding_type} are the types of user_id and embedding. {compared} are memories with the embeddings of the model
-- that answers, and {embeddings} is the table that these are in; {asked_type} is how functions take a question.
-- Blocks with %(name)s are run through the driver's own parameters. Blocks with $1 … $4 are prepared statements,
-- all with the same parameters: the user, the query's embedding, the memory that the embedding is of, and k.

-- name: similar
-- The plain query, with what an application shows of a memory; "distance" below is what the operator gives, so an
-- index can serve the order.
select
    id,
    content,
    memory_type,
    metadata,
    embedding operator ({vector}.<=>) $2 as distance
from {compared}
where user_id = $1 and id <> $3
order by distance
limit $4;

-- name: relaxed
-- A relaxed iterative scan finds rows nearly in order, so an application has to sort what it found. The inner query is
-- materialized, or the planner would sort only once, with the scan's order.
with nearest as materialized (
    select
        id,
        content,
        memory_type,
        metadata,
        embedding operator ({vector}.<=>) $2 as distance
    from {compared}
    where user_id = $1 and id <> $3
    order by distance
    limit $4
)

select
    id,
    content,
    memory_type,
    metadata,
    distance
from nearest
order by distance + 0;

-- name: exact
-- The plain query, but no index can serve an order by a sum: always exact.
select
    id,
    content,
    memory_type,
    metadata,
    (embedding operator ({vector}.<=>) $2) + 0 as distance
from {compared}
where user_id = $1 and id <> $3
order by distance
limit $4;

-- name: search_memories
-- The function of set fast_search. It is asked for one memory more, as it also finds the one that is the question.
-- Functions that an application has put in its place may find its tables by the search_path, so the target is on it.
select
    id,
    content,
    memory_type,
    metadata,
    distance
from {schema}.search_memories($1::{user_type}, $2::{embedding_type}::{asked_type}, k => ($4::bigint + 1)::int)
where id <> $3
order by distance
limit $4;

-- name: search_memories_among
select
    id,
    content,
    memory_type,
    metadata,
    distance
from
    {schema}.search_memories(
        $1::{user_type}, $2::{embedding_type}::{asked_type}, k => ($4::bigint + 1)::int, candidates => {depth}
    )
where id <> $3
order by distance
limit $4;

-- name: nothing
-- The parameters of a search, and none of its work: what is left is the way there and back.
select 0::double precision as distance
where
    $1::{user_type} is not null
    and $2::{embedding_type} is not null
    and $3::uuid is not null
    and $4::bigint > 0;

-- name: pace
-- The parameters of a search again, and always the same work: what it takes longer than before, the machine was busy.
select sum(sqrt(i)) as distance
from generate_series(1, 20000) as i
where
    $1::{user_type} is not null
    and $2::{embedding_type} is not null
    and $3::uuid is not null
    and $4::bigint > 0;

-- name: find_search_memories
-- All of its name are of the table's owner: no other can be meant.
select coalesce(bool_and(p.proowner = c.relowner and has_function_privilege(p.oid, 'execute')), false)
from pg_proc as p
inner join pg_class as c on p.pronamespace = c.relnamespace
where c.oid = %(memories)s::oid and p.proname = 'search_memories';

-- name: find_memories_expired
-- That of the set retention, likewise.
select coalesce(bool_and(p.proowner = c.relowner and has_function_privilege(p.oid, 'execute')), false)
from pg_proc as p
inner join pg_class as c on p.pronamespace = c.relnamespace
where c.oid = %(memories)s::oid and p.proname = 'memories_expired';

-- name: hnsw_indexes
-- The HNSW indexes of memories that a search by cosine distance can use.
select c.relname
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_am as a on c.relam = a.oid
inner join pg_opclass as o on i.indclass[0] = o.oid and o.opcname in ('vector_cosine_ops', 'halfvec_cosine_ops')
inner join pg_attribute as e on i.indrelid = e.attrelid and i.indkey[0] = e.attnum and e.attname = 'embedding'
where i.indrelid = %(memories)s::oid and i.indisvalid and i.indpred is null and a.amname = 'hnsw'
order by c.relname;

-- name: apply_settings
select set_config(name, value, true)
from unnest(%(names)s::text[], %(values)s::text[]) as setting (name, value);

-- name: place
-- Which table this is, and in which file.
select
    current_database(),
    (
        select oid from pg_database
        where datname = current_database()
    ),
    (select system_identifier from pg_control_system()),
    %(memories)s::oid,
    pg_relation_filenode(%(memories)s::oid);

-- name: fingerprint
-- Which version of which row these users hold; a row's version never changes.
select
    count(*),
    sum(hashtextextended(concat_ws(' ', {embeddings_key}, ctid, xmin), 0)::numeric),
    sum(hashtextextended(concat_ws(' ', {embeddings_key}, ctid, xmin), 1)::numeric)
from {embeddings}
where user_id = any(%(users)s);

-- name: truth
-- The true distances, nearest first. No index can serve an order by a sum, so this is exact whatever the settings.
select (embedding operator ({vector}.<=>) $2) + 0 as distance
from {compared}
where user_id = $1 and id <> $3
order by distance
limit $4;

-- name: truth_without_expired
-- The same where the set retention is applied: what has expired is not to be found.
select (embedding operator ({vector}.<=>) $2) + 0 as distance
from {compared}
where
    user_id = $1 and id <> $3
    and id not in (
        select memory_id from {schema}.memory_retention
        where user_id = $1 and expires_at <= statement_timestamp()
    )
order by distance
limit $4;

-- name: sizes
-- Users by the order of magnitude of what they hold. Only memories with an embedding count.
with holdings as (
    select
        user_id,
        count(*) as memories
    from {compared}
    where embedding is not null and (%(user)s::{user_type} is null or user_id = %(user)s)
    group by user_id
)

select
    floor(log(memories))::int as magnitude,
    count(*) as users,
    count(*) filter (where memories = 1) as lone_users,
    sum(memories)::bigint as memories,
    max(memories) as largest
from holdings
group by magnitude
order by magnitude;

-- name: sample
-- From each order of magnitude its quota of memories, each memory as likely as any other of its class: the lowest
-- hashes of the ids, which is random, yet the same for the same seed and rows wherever the rows lie.
with holdings as (
    select
        user_id,
        count(*) as memories
    from {compared}
    where embedding is not null and (%(user)s::{user_type} is null or user_id = %(user)s)
    group by user_id
    having count(*) > 1
),

ranked as (
    select
        m.id,
        h.memories,
        q.quota,
        uuid_hash_extended(m.id, %(random_seed)s) as lot,
        row_number() over (partition by q.magnitude order by uuid_hash_extended(m.id, %(random_seed)s), m.id) as place
    from {compared} as m
    inner join holdings as h on m.user_id = h.user_id
    inner join unnest(%(magnitudes)s::int[], %(quotas)s::int[]) as q (magnitude, quota)
        on q.magnitude = floor(log(h.memories))
    where m.embedding is not null
)

select
    m.user_id,
    m.id as memory_id,
    m.embedding,
    r.memories as user_memories
from ranked as r
inner join {compared} as m on r.id = m.id
where r.place <= r.quota
order by r.lot, r.id;

-- name: sample_equally
-- One memory of each user in turn, then a second one of each, and so on: users count alike, whatever they hold.
with ranked as (
    select
        id,
        user_id,
        count(*) over (partition by user_id) as memories,
        row_number() over (partition by user_id order by uuid_hash_extended(id, %(random_seed)s), id) as place
    from {compared}
    where embedding is not null and (%(user)s::{user_type} is null or user_id = %(user)s)
)

select
    m.user_id,
    m.id as memory_id,
    m.embedding,
    r.memories as user_memories
from ranked as r
inner join {compared} as m on r.id = m.id
where r.memories > 1
order by r.place, hashtextextended(r.user_id::text, %(random_seed)s), r.id
limit %(queries)s;

-- name: largest_user
select user_id
from {compared}
where embedding is not null
group by user_id
order by count(*) desc, user_id
limit 1;

-- name: holdings
-- How many memories with an embedding each of these users holds.
select
    user_id,
    count(*)
from {compared}
where embedding is not null and user_id = any(%s)
group by user_id;

-- name: add
-- A memory that lies between two others, as new ones do; rolled back at once.
insert into {schema}.memories (user_id, memory_type, content, embedding)
values (
    %s,
    'task',
    'Added by memdb benchmark-similarity, and rolled back',
    %s::{embedding_type} operator ({vector}.+) %s::{embedding_type}
);

-- name: add_beside
-- The same where another model has taken over.
with added as (
    insert into {schema}.memories (user_id, memory_type, content)
    values (%s, 'task', 'Added by memdb benchmark-similarity, and rolled back')
    returning id, user_id, memory_type, content
)

insert into {embeddings} (memory_id, user_id, memory_type, content_hash, embedding)
select
    a.id,
    a.user_id,
    a.memory_type,
    substr(sha256(convert_to(a.content, 'UTF8')), 1, 16),
    %s::{embedding_type} operator ({vector}.+) %s::{embedding_type}
from added as a;

-- name: to_copy
select
    user_id,
    id,
    embedding
from {compared}
where embedding is not null
order by uuid_hash_extended(id, %(random_seed)s), id
limit %(rows)s;

-- name: copied_columns
-- Those that have to be given. No other row may have the values of a unique index, so such columns get their default.
select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
from pg_attribute as a
where
    a.attrelid = %(memories)s::oid
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated = ''
    and a.attidentity = ''
    and a.attname not in ('id', 'embedding')
    and not exists (
        select from pg_index as i
        where i.indrelid = a.attrelid and i.indisunique and a.attnum = any(i.indkey) and a.attname <> 'user_id'
    );

-- name: insert_copy
-- The parameters of a search: the memory that is copied is $3, and $2 the embedding of another.
insert into {schema}.memories ({columns}, embedding)
select
    {columns},
    embedding operator ({vector}.+) $2
from {schema}.memories
where user_id = $1 and id = $3 and $4::bigint > 0
returning 0::double precision as distance;

-- name: insert_copy_beside
-- The same where another model has taken over.
with copied as (
    insert into {schema}.memories ({columns})
    select {columns}
    from {schema}.memories
    where user_id = $1 and id = $3 and $4::bigint > 0
    returning id, user_id, memory_type, content
)

insert into {embeddings} (memory_id, user_id, memory_type, content_hash, embedding)
select
    c.id,
    c.user_id,
    c.memory_type,
    substr(sha256(convert_to(c.content, 'UTF8')), 1, 16),
    e.embedding operator ({vector}.+) $2
from copied as c
inner join {embeddings} as e on e.memory_id = $3
returning 0::double precision as distance;

-- name: hides_rows
select row_security_active(%s::oid);

-- name: count_of_user
select count(*)
from {schema}.memories
where user_id = %s;

-- name: access_methods
select
    c.relname,
    a.amname
from pg_class as c
inner join pg_am as a on c.relam = a.oid
where c.relkind in ('i', 'I') and c.relname = any(%s);

-- name: settings
select
    name,
    current_setting(name, true)
from unnest(%s::text[]) as name;

-- name: database_settings
select
    split_part(entry, '=', 1),
    substr(entry, strpos(entry, '=') + 1)
from pg_db_role_setting as s
inner join pg_database as d on s.setdatabase = d.oid
cross join unnest(s.setconfig) as entry
where d.datname = current_database() and s.setrole = 0 and entry like 'hnsw.%';

-- name: table_facts
-- Sizes in bytes. "table" is the heap with its maps; the embeddings are mostly in TOAST. The last is the share of pages
-- of which a vacuum has found that all their rows are visible to everybody.
select
    pg_table_size(c.oid) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
    pg_indexes_size(c.oid),
    least(1, c.relallvisible / greatest(1, pg_relation_size(c.oid) / current_setting('block_size')::bigint)::float)
from pg_class as c
where c.oid = %(memories)s::oid;

-- name: count
select count(*)
from {compared};

-- name: index_definitions
-- With the names as a migration has them, without the schemas that are on its search_path.
select
    indexrelid::bigint,
    pg_get_indexdef(indexrelid, 0, true)
from pg_catalog.pg_index
where indrelid = %(memories)s::oid;

-- name: index_facts
select
    c.oid::bigint as oid,
    c.relname as name,
    a.amname as method,
    pg_relation_size(c.oid) as bytes,
    coalesce(s.idx_scan, 0) as scans,
    i.indisvalid as valid,
    i.indisunique as needed,
    pg_relation_filenode(c.oid) as file,
    array_to_string(c.reloptions, ', ') as options,
    obj_description(c.oid, 'pg_class') as comment
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_am as a on c.relam = a.oid
left join pg_stat_user_indexes as s on i.indexrelid = s.indexrelid
where i.indrelid = %(memories)s::oid
order by pg_relation_size(c.oid) desc, c.relname;

-- name: counting_since
-- NULL: never reset, so since the database was made. A clean restart keeps what was counted, a crash resets it.
select stats_reset
from pg_stat_database
where datname = current_database();

-- name: find_buffercache
-- The schema of pg_buffercache, and its view, where this role may look into it.
select
    n.nspname,
    c.oid::bigint
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
inner join pg_class as c on n.oid = c.relnamespace and c.relname = 'pg_buffercache'
inner join pg_proc as p on n.oid = p.pronamespace and p.proname = 'pg_buffercache_pages'
where
    e.extname = 'pg_buffercache'
    and has_schema_privilege(n.oid, 'usage')
    and has_table_privilege(c.oid, 'select')
    and has_function_privilege(p.oid, 'execute');

-- name: buffered
-- Bytes of each of these files that are in shared buffers.
select
    relfilenode,
    count(*) * current_setting('block_size')::int
from {buffers}.pg_buffercache
where
    relfilenode = any(%s)
    and reldatabase = (
        select oid from pg_database
        where datname = current_database()
    )
group by relfilenode;

-- name: trial_table
-- A sample of the embeddings, in a table that only this transaction ever sees.
create temporary table memdb_trial on commit drop as
select
    row_number() over (order by uuid_hash_extended(id, %(random_seed)s), id) as place,
    embedding
from {compared}
where embedding is not null
order by uuid_hash_extended(id, %(random_seed)s), id
limit %(rows)s;

-- name: trial_index
create index memdb_trial_embedding on memdb_trial using hnsw (embedding {operators});

-- name: trial_truth
select
    array(
        select t.place
        from memdb_trial as t
        where t.place <> q.place
        order by (t.embedding operator ({vector}.<=>) q.embedding) + 0
        limit %(k)s
    )
from memdb_trial as q
where q.place <= %(queries)s
order by q.place;

-- name: trial_found
select
    array(
        select t.place
        from memdb_trial as t
        where t.place <> q.place
        order by t.embedding operator ({vector}.<=>) q.embedding
        limit %(k)s
    )
from memdb_trial as q
where q.place <= %(queries)s
order by q.place;
