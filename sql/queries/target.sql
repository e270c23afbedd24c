-- Where memories are, for statements that must mean these tables and nothing that somebody else has put on the
-- search_path.

-- name: find
-- In the first of these schemas that has the table. users is the table that memories refers to.
select
    n.nspname::text as schema,
    c.oid::bigint as memories,
    users.oid::bigint as users,
    users.nspname::text as users_schema,
    users.relname::text as users_table,
    v.nspname::text as vector_schema,
    e.extversion as pgvector
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_extension as e on e.extname = 'vector'
inner join pg_namespace as v on e.extnamespace = v.oid
left join lateral (
    select
        u.oid,
        u.relname,
        un.nspname
    from pg_class as u
    inner join pg_namespace as un on u.relnamespace = un.oid
    left join pg_attribute as a on c.oid = a.attrelid and a.attname = 'user_id'
    left join pg_constraint as f
        on u.oid = f.confrelid and a.attrelid = f.conrelid and a.attnum = any(f.conkey) and f.contype = 'f'
    where
        u.relkind in ('r', 'p')
        and (f.oid is not null or (u.relname = 'users' and un.nspname = any(%(schemas)s::text[])))
    order by f.oid is null, array_position(%(schemas)s::text[], un.nspname::text)
    limit 1
) as users on true
where c.relname = 'memories' and c.relkind in ('r', 'p') and n.nspname = any(%(schemas)s::text[])
order by array_position(%(schemas)s::text[], n.nspname::text)
limit 1;
