-- Where memories are, for statements that must mean these tables and nothing that somebody else has put on the
-- search_path.

-- name: find
-- In the first of the schemas `among` that has the table. users is the table that memories refers to. A type of the
-- extension's name elsewhere may have casts that call what its owner has made.
select
    n.nspname::text as schema,
    c.oid::bigint as memories,
    users.oid::bigint as users,
    users.nspname::text as users_schema,
    users.relname::text as users_table,
    case when users.nspname <> n.nspname then quote_ident(users.nspname) || '.' else '' end
    || coalesce(quote_ident(users.relname), 'users') as users_name,
    coalesce(quote_ident(users.attname), 'id') as users_key,
    coalesce(obj_description(users.oid, 'pg_class') like %(stand_in)s || '%%', false) as users_may_be_made,
    coalesce(format_type(owner.atttypid, owner.atttypmod), '') as user_type,
    owner_type.typname::text as user_type_name,
    coalesce(embedding_type.typname::text, '') as embedding_type,
    embedding.atttypmod as dimensions,
    v.nspname::text as vector_schema,
    e.extversion as pgvector
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_extension as e on e.extname = 'vector'
inner join pg_namespace as v on e.extnamespace = v.oid
left join pg_attribute as owner on c.oid = owner.attrelid and owner.attname = 'user_id' and not owner.attisdropped
left join pg_type as owner_type on owner.atttypid = owner_type.oid
left join pg_attribute as embedding on c.oid = embedding.attrelid and embedding.attname = 'embedding'
left join pg_type as embedding_type
    on embedding.atttypid = embedding_type.oid and e.extnamespace = embedding_type.typnamespace
left join lateral (
    select
        u.oid,
        u.relname,
        un.nspname,
        k.attname
    from pg_class as u
    inner join pg_namespace as un on u.relnamespace = un.oid
    left join pg_constraint as f
        on u.oid = f.confrelid and owner.attrelid = f.conrelid and owner.attnum = any(f.conkey) and f.contype = 'f'
    left join pg_attribute as k
        on f.confrelid = k.attrelid and k.attnum = f.confkey[array_position(f.conkey, owner.attnum)]
    where
        u.relkind in ('r', 'p')
        and (f.oid is not null or (u.relname = 'users' and un.nspname = any(%(schemas)s::text[])))
    order by f.oid is null, array_position(%(schemas)s::text[], un.nspname::text)
    limit 1
) as users on true
where c.relname = 'memories' and c.relkind in ('r', 'p') and n.nspname = any(%(among)s::text[])
order by array_position(%(schemas)s::text[], n.nspname::text)
limit 1;

-- name: serving
-- The table beside memories whose embeddings a function compares, as it calls the function that searches these, and
-- their type; no row where it compares those of memories.
select
    c.relname::text as name,
    c.oid::bigint as oid,
    coalesce(
        substring(obj_description(c.oid, 'pg_class') from '^Embeddings of memories by the model (.*)[.] Written by'), ''
    ) as model,
    t.typname::text as embedding_type,
    a.atttypmod as dimensions
from pg_class as m
inner join pg_proc as p on m.relnamespace = p.pronamespace and p.proname = %(function)s
inner join
    pg_depend as d
    on p.oid = d.objid and d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_proc'::regclass
inner join pg_proc as s on d.refobjid = s.oid and m.relnamespace = s.pronamespace
inner join
    pg_class as c
    on
        m.relnamespace = c.relnamespace and c.relkind = 'r'
        and regexp_replace(s.proname, '^search_memories_where', 'memory_embeddings') = c.relname
inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'embedding'
inner join pg_type as t on a.atttypid = t.oid
where m.oid = %(memories)s::oid;

-- name: compared_beside
-- Memories with the embeddings of the model that answers, where these are in a table of their own.
select
    e.memory_id as id,
    e.user_id,
    e.memory_type,
    m.content,
    m.metadata,
    e.embedding
from {embeddings} as e -- noqa: PRS
left join {schema}.memories as m on e.memory_id = m.id;
