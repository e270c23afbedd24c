-- How memdb sets up a session.

-- name: names
-- Of the user's search_path, or where that is null of the session's own. Written so that it does not matter what it
-- holds: it leads to memdb's own only after this. In a transaction, it is left as it was. Whether Citus is here is
-- asked along, since much that comes after depends on it.
with present as materialized (select pg_catalog.current_setting('search_path') as path)

select
    pg_catalog.set_config(
        'search_path',
        coalesce(%s, case when pg_catalog.textne(present.path, '') then present.path end, 'public'),
        true
    ),
    pg_catalog.current_schema(),
    pg_catalog.current_schemas(false),
    pg_catalog.set_config('search_path', present.path, true),
    exists(
        select from pg_catalog.pg_extension as e
        where e.extname operator(pg_catalog.=) 'citus' -- noqa: LT01
    )
from present;

-- name: superuser
-- The superuser who has logged in, or whose role they may take.
select quote_ident(r.rolname)
from pg_roles as r
where r.rolsuper and pg_has_role(session_user, r.oid, 'member')
order by r.rolname <> session_user
limit 1;

-- name: keep_name
-- No lock of the server's own keeps the name of a schema; that of its row does.
select n.nspname
from pg_namespace as n
where n.nspname = %s
for share;

-- name: extension_schema
-- Where the type vector is, which some keep in a schema that is not on the search_path.
select n.nspname
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
where e.extname = 'vector';

-- name: prepare
-- lock_timeout: a lock that is waited for stops everybody who comes after, so it is waited for briefly, and again
-- later. statement_timeout and, from PostgreSQL 17 on, transaction_timeout: what the server or the role allows a query
-- is too little for an index. standard_conforming_strings: a file means the same on every server, and its statements
-- are told apart by this rule. default_transaction_isolation: under a lock, all is seen that was committed before it
-- was granted. The others let the server notice soon that this client is gone.
select
    set_config('lock_timeout', %(lock_timeout)s, false),
    set_config('statement_timeout', '0', false),
    set_config('standard_conforming_strings', 'on', false),
    set_config('default_transaction_isolation', 'read committed', false),
    (
        select set_config(s.name, '0', false) from pg_settings as s
        where s.name = 'transaction_timeout'
    ),
    set_config('idle_in_transaction_session_timeout', '0', false),
    set_config('client_connection_check_interval', '2s', false),
    set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('maintenance_work_mem', coalesce(%(memory)s, current_setting('maintenance_work_mem')), false),
    set_config(
        'max_parallel_maintenance_workers',
        coalesce(%(workers)s, current_setting('max_parallel_maintenance_workers')),
        false
    );

-- name: transactions
-- The number of this session's transaction: each counts, whether the client has begun it or a block that commits.
-- Written so that it does not matter what the search_path holds, which is that of the file.
select pg_catalog.split_part(l.virtualtransaction, '/', 2)
from pg_catalog.pg_locks as l
where
    l.locktype operator(pg_catalog.=) 'virtualxid' -- noqa: LT01
    and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid(); -- noqa: LT01
