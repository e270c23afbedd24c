-- What memdb embed asks. {schema} is where memories are, {send} the function that writes an embedding in binary. Hashes
-- are those of memory_content_hash and memory_embedding_hash, written out: nothing that others may replace is called.
-- {memories} and {sources} are tables, or blocks of this file where a table beside memories has the embeddings of the
-- model, {beside}; {same} says which rows of both belong together. {unchanged} says whether an embedding is still the
-- one that the source is of.

-- name: beside
-- The table that has the embeddings of a model, if there is one, and their type.
select
    t.typname,
    a.atttypmod
from pg_class as m
inner join pg_class as c on m.relnamespace = c.relnamespace and c.relkind = 'r' and c.relname = %(table)s
inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'embedding'
inner join pg_type as t on a.atttypid = t.oid
where
    m.oid = %(memories)s::oid
    and starts_with(obj_description(c.oid, 'pg_class'), 'Embeddings of memories by the model ' || %(model)s || '. ');

-- name: surroundings
-- The table that says what embeddings were made of, and whether rows are hidden from this role.
select
    s.oid::bigint,
    row_security_active(m.oid) or row_security_active(s.oid)
from pg_class as m
left join pg_class as s
    on m.relnamespace = s.relnamespace and s.relkind = 'r' and s.relname = %(table)s
where m.oid = %(memories)s::oid;

-- name: says_whose
-- Whether that table says whose its rows are, as the set citus has it do.
select exists( -- noqa: LT01
    select from pg_attribute as a
    where a.attrelid = %s::oid and a.attname = 'user_id' and not a.attisdropped
);

-- name: rights
-- What this role lacks to store embeddings and what they were made of. A table beside memories has both: there, rows of
-- memories are only locked, which takes a right to update any column.
select n.privilege || ' on ' || n.tbl::regclass::text
from (
    values
    (
        'update', %(memories)s::oid,
        has_table_privilege(%(memories)s::oid, 'update')
        or (%(beside)s::boolean and has_any_column_privilege(%(memories)s::oid, 'update'))
    ),
    ('insert', %(sources)s::oid, has_any_column_privilege(%(sources)s::oid, 'insert')),
    ('update', %(sources)s::oid, has_any_column_privilege(%(sources)s::oid, 'update'))
) as n (privilege, tbl, is_there)
where not n.is_there;

-- name: settings
-- For a transaction in which an endpoint is asked: limits that are meant for an application's queries are too short.
select
    set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    (
        select set_config(s.name, '0', true) from pg_settings as s
        where s.name = 'transaction_timeout'
    );

-- name: needs
-- For each memory that is to be embedded, why, and how long its text is: the next of them by id.
select
    w.id,
    w.why,
    w.bytes
from (
    select
        m.id,
        octet_length(m.content) as bytes,
        case
            when m.embedding is null then 'missing'
            when
                s.content_hash <> substr(sha256(convert_to(m.content, 'UTF8')), 1, 16)
                and {unchanged} -- noqa: PRS
                then 'stale'
            when
                'other-model' = any(%(also)s::text[]) and s.model <> %(model)s::text
                and {unchanged}
                then 'other-model'
            when
                'unknown' = any(%(also)s::text[])
                and (s.memory_id is null or not {unchanged})
                then 'unknown'
            when
                'zero' = any(%(also)s::text[]) and (m.embedding operator ({vector}.<#>) m.embedding) = 0
                then 'zero'
            when m.id = any(%(memories)s::uuid[]) then 'chosen'
        end as why
    from {memories} as m
    left join {sources} as s on {same}
    where
        (%(after)s::uuid is null or m.id > %(after)s::uuid)
        and (%(user)s::{user_type} is null or m.user_id = %(user)s::{user_type})
        and (%(ids)s::uuid[] is null or m.id = any(%(ids)s::uuid[]))
) as w
where w.why is not null
order by w.id
limit %(most)s;

-- name: claim
-- Those of the memories that no other run has at the moment. No row is locked: applications go on.
select c.id
from unnest(%(ids)s::uuid[]) as c (id)
where pg_try_advisory_xact_lock(hashtextextended('memdb embed ' || c.id::text, 0));

-- name: texts
select
    m.id,
    m.content,
    substr(sha256(convert_to(m.content, 'UTF8')), 1, 16)
from {schema}.memories as m -- noqa: PRS
where m.id = any(%(ids)s::uuid[]);

-- name: store
-- Stores embeddings of texts, and what they were made of, where the text is still the same. A memory that somebody else
-- is changing is left to them, and so is one that was deleted: the next run sees what has become of it.
with given as (
    select
        g.id,
        g.content_hash,
        cast(
            (%(numbers)s::real[])[(g.n - 1) * %(dimensions)s + 1:g.n * %(dimensions)s] as {embedding_type} -- noqa: PRS
        ) as embedding
    from unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) with ordinality as g (id, content_hash, n) -- noqa: PRS
),

free as materialized (
    select m.id
    from {schema}.memories as m
    inner join given as g on m.id = g.id
    where substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) = g.content_hash
    order by m.id
    for no key update of m skip locked
),

stored as (
    update {schema}.memories as m
    set embedding = g.embedding
    from given as g
    inner join free as f on g.id = f.id
    where m.id = g.id
    returning m.id, g.content_hash, substr(sha256({send}(m.embedding)), 1, 16) as embedding_hash
)

insert into {schema}.memory_embedding_sources as s (memory_id, model, content_hash, embedding_hash)
select
    n.id,
    %(model)s,
    n.content_hash,
    n.embedding_hash
from stored as n
order by n.id
on conflict (memory_id) do update
    set
        model = excluded.model,
        content_hash = excluded.content_hash,
        embedding_hash = excluded.embedding_hash;

-- name: owners
-- Whose memories these are.
select distinct m.user_id
from {schema}.memories as m -- noqa: PRS
where m.id = any(%(ids)s::uuid[]);

-- name: free_of_users
-- Where the users' memories are in one shard: locks those whose texts are still the same, and that nobody is changing.
select m.id
from unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) as g (id, content_hash) -- noqa: PRS
inner join {schema}.memories as m on g.id = m.id -- noqa: PRS
where
    m.user_id = any(%(users)s::{user_type}[])
    and substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) = g.content_hash
order by m.id
for no key update of m skip locked;

-- name: store_of_users
-- Stores their embeddings.
update {schema}.memories as m
set embedding = g.embedding
from (
    select
        n.id,
        n.content_hash,
        cast(
            (%(numbers)s::real[])[(n.n - 1) * %(dimensions)s + 1:n.n * %(dimensions)s] as {embedding_type} -- noqa: PRS
        ) as embedding
    from unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) with ordinality as n (id, content_hash, n) -- noqa: PRS
) as g
where m.user_id = any(%(users)s::{user_type}[]) and m.id = g.id and m.id = any(%(free)s::uuid[])
returning m.user_id, m.id, g.content_hash, substr(sha256({send}(m.embedding)), 1, 16);

-- name: note_of_users
-- Says what they were made of.
insert into {schema}.memory_embedding_sources as s (user_id, memory_id, model, content_hash, embedding_hash)
select
    n.user_id,
    n.id,
    %(model)s::text,
    n.content_hash,
    n.embedding_hash
from
    unnest(%(users)s::{user_type}[], %(ids)s::uuid[], %(contents)s::bytea[], %(embeddings)s::bytea[])
        as n (user_id, id, content_hash, embedding_hash)
on conflict (user_id, memory_id) do update
    set
        model = excluded.model,
        content_hash = excluded.content_hash,
        embedding_hash = excluded.embedding_hash;

-- name: store_beside
-- The same beside memories. Rows there are only locked, so that none gets another tier meanwhile.
with given as (
    select
        g.id,
        g.content_hash,
        cast(
            (%(numbers)s::real[])[(g.n - 1) * %(dimensions)s + 1:g.n * %(dimensions)s] as {embedding_type} -- noqa: PRS
        ) as embedding
    from unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) with ordinality as g (id, content_hash, n) -- noqa: PRS
),

free as materialized (
    select
        m.id,
        m.user_id,
        m.memory_type
    from {schema}.memories as m
    inner join given as g on m.id = g.id
    where substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) = g.content_hash
    order by m.id
    for share of m skip locked
)

insert into {beside} as e (memory_id, user_id, memory_type, content_hash, embedding)
select
    f.id,
    f.user_id,
    f.memory_type,
    g.content_hash,
    g.embedding
from free as f
inner join given as g on f.id = g.id
order by f.id
on conflict (memory_id) do update
    set
        content_hash = excluded.content_hash,
        embedding = excluded.embedding;

-- name: faults
-- What is wrong with the embedding of each memory, a row for each fault. Lengths are compared with those of most: where
-- they are one, another is not-unit; one that is far from the median, as the middle half is spread, is an outlier.
-- Texts are no others that differ in case, in white space or after 400 characters alone: many models do not see that.
with known as materialized (
    select
        m.id,
        m.user_id::text as user_id,
        m.memory_type::text as tier,
        s.model,
        s.content_hash as noted_content,
        s.embedding_hash as noted_embedding,
        substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) as content_hash,
        substr(sha256({send}(m.embedding)), 1, 16) as embedding_hash, -- noqa: PRS
        sqrt(abs(m.embedding operator ({vector}.<#>) m.embedding)) as length -- noqa: PRS
    from {memories} as m -- noqa: PRS
    left join {sources} as s on {same}
    where %(user)s::{user_type} is null or m.user_id = %(user)s::{user_type} -- noqa: PRS
),

lengths as (
    select
        percentile_cont(0.5) within group (order by k.length) as median,
        percentile_cont(0.75) within group (order by k.length)
        - percentile_cont(0.25) within group (order by k.length) as spread,
        count(*) filter (where k.length between 0.98 and 1.02) > 0.5 * count(*) as are_unit
    from known as k
    where k.length > 0
),

models as (
    select coalesce(%(model)s::text, mode() within group (order by k.model)) as model
    from known as k
    where k.embedding_hash = k.noted_embedding
),

shared as (
    select k.embedding_hash
    from known as k
    inner join {memories} as m on k.id = m.id -- noqa: PRS
    where
        k.embedding_hash in (
            select t.embedding_hash
            from known as t
            where t.length > 0
            group by t.embedding_hash
            having count(distinct t.content_hash) > 1
        )
    group by k.embedding_hash
    having count(distinct left(regexp_replace(lower(m.content), '[[:space:]]+', ' ', 'g'), 400)) > 1
)

select
    k.id,
    k.user_id,
    k.tier,
    f.kind,
    o.model
from known as k
cross join lengths as l
cross join models as o
left join shared as s on k.embedding_hash = s.embedding_hash
cross join
    lateral (
        values
        ('missing', k.length is null),
        ('stale', k.noted_embedding = k.embedding_hash and k.noted_content <> k.content_hash),
        ('other-model', k.noted_embedding = k.embedding_hash and k.model <> o.model),
        ('unknown', k.length is not null and k.noted_embedding is distinct from k.embedding_hash),
        ('zero', k.length = 0),
        ('not-unit', l.are_unit and k.length > 0 and k.length not between 0.98 and 1.02),
        ('duplicate', s.embedding_hash is not null),
        ('outlier', k.length > 0 and abs(k.length - l.median) > 5 * l.spread + 0.02 * l.median)
    ) as f (kind, holds)
where f.holds and (%(kinds)s::text[] is null or f.kind = any(%(kinds)s::text[]));

-- name: memories_beside
-- Memories with the embeddings of a table beside them.
select
    m.id,
    m.user_id,
    m.memory_type,
    m.content,
    e.embedding
from {schema}.memories as m
left join {beside} as e on m.id = e.memory_id;

-- name: sources_beside
-- What these were made of.
select
    e.memory_id,
    %(model)s::text as model,
    e.content_hash,
    substr(sha256({send}(e.embedding)), 1, 16) as embedding_hash -- noqa: PRS
from {beside} as e;

-- name: counted
-- The same, counted: the block above stands in the brackets.
select
    f.kind,
    f.tier,
    f.user_id,
    f.model,
    count(*)
from ({faults}) as f -- noqa: PRS
group by f.kind, f.tier, f.user_id, f.model;

-- name: total
select count(*)
from {schema}.memories as m -- noqa: PRS
where %(user)s::{user_type} is null or m.user_id = %(user)s::{user_type}; -- noqa: PRS
