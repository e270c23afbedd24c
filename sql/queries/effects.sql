-- What is read before and after a statement that is tried on a temporary database, to see what it has done.

-- name: relations
-- What can be locked, by its oid: the table that an index is on (0: it is no index), the index's method, the file in
-- which the data lies, and how often it was read as a whole in this transaction.
select
    c.oid,
    c.oid::regclass::text,
    coalesce(i.indrelid, 0),
    coalesce(a.amname, ''),
    coalesce(pg_relation_filenode(c.oid), 0),
    coalesce(pg_stat_get_xact_numscans(c.oid), 0)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_index as i on c.oid = i.indexrelid
left join pg_am as a on c.relam = a.oid and i.indrelid is not null
where
    n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and c.relkind in ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S');

-- name: held
select
    l.relation,
    l.mode
from pg_locks as l
where
    l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
    and l.database = (
        select d.oid
        from pg_database as d
        where d.datname = current_database()
    );
