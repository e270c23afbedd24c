-- What memdb search asks beside the statements of retrieval.sql. {schema} and {vector} are where memories and the
-- extension live.

-- name: speak_for
-- Policies of the set row_security let this role see the user that it speaks for.
select set_config('memdb.user_id', %(user)s, true);

-- name: of_others
-- Those functions beside the table that belong to somebody else than the table.
select p.proname::text
from pg_proc as p
inner join pg_class as c on p.pronamespace = c.relnamespace
where c.oid = %(memories)s::oid and p.proname = any(%(functions)s::text[]) and p.proowner <> c.relowner;

-- name: has_memories
select
    exists( -- noqa: LT01
        select from {schema}.memories as m -- noqa: PRS
        where m.user_id = %(user)s
    ),
    row_security_active(%(memories)s::oid);

-- name: embedding
select m.embedding::real[]
from {schema}.memories as m -- noqa: PRS
where m.id = %(id)s and m.user_id = %(user)s;

-- name: embedding_sources
-- The table of the set embeddings, if this role may read it.
select s.oid::bigint
from pg_class as m
inner join pg_class as s on m.relnamespace = s.relnamespace
where
    m.oid = %(memories)s::oid and s.relkind = 'r' and s.relname = 'memory_embedding_sources'
    and has_table_privilege(s.oid, 'select');

-- name: models
-- Which models made embeddings of the user, where that is known.
select distinct s.model
from {schema}.memory_embedding_sources as s -- noqa: PRS
where
    s.memory_id in (
        select m.id from {schema}.memories as m
        where m.user_id = %(user)s
    );

-- name: embedding_beside
select e.embedding::real[]
from {beside} as e -- noqa: PRS
where e.memory_id = %(id)s and e.user_id = %(user)s;

-- name: memory
-- One memory of the user, whether it has an embedding, and whether its metadata are as asked for.
select
    m.id,
    m.memory_type::text,
    m.content,
    m.metadata,
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00') as created_at,
    least(greatest(m.accessed_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00') as accessed_at,
    m.user_id = %(user)s as is_theirs,
    m.embedding is not null as has_embedding,
    (%(contained)s::text is null or coalesce(m.metadata @> %(contained)s::jsonb, false))
    and (%(path)s::text is null or coalesce(m.metadata, '{}') @@ %(path)s::jsonpath) as has_metadata
from {schema}.memories as m -- noqa: PRS
where m.id = %(id)s;

-- name: has_expired
-- A memory is in the table until it is pruned.
select exists( -- noqa: LT01
    select from {schema}.memories_expired(%(user)s) as e -- noqa: PRS
    where e.memory_id = %(id)s
);
