-- What is read before and after a statement that is tried on a temporary database, to see what it has done.

-- name: relations
-- What can be locked, by its oid: the table that an index is on (0: it is no index), the index's method, the file in
-- which the data lies, how often it was read as a whole in this transaction, and how often vacuumed by hand. What is in
-- the target goes by its bare name.
select
    c.oid,
    case
        when n.nspname = %s then quote_ident(c.relname)
        else format('%%I.%%I', n.nspname, c.relname)
    end as name,
    coalesce(i.indrelid, 0) as table,
    coalesce(a.amname, '') as method,
    coalesce(pg_relation_filenode(c.oid), 0) as file,
    coalesce(pg_stat_get_xact_numscans(c.oid), 0) as scans,
    coalesce(pg_stat_get_vacuum_count(c.oid), 0) as vacuums
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

-- name: shapes
-- Tables by their full names, with their schemas, and what changes with what only an owner may alter: not with
-- privileges, triggers, or keys that refer to the table.
with parts as (
    select
        a.attrelid as oid,
        a.xmin::text as version
    from pg_attribute as a
    union all
    select
        k.conrelid,
        k.xmin::text
    from pg_constraint as k
    union all
    select
        p.polrelid,
        p.xmin::text
    from pg_policy as p
    union all
    select
        i.indrelid,
        i.xmin::text
    from pg_index as i
)

select
    format('%I.%I', n.nspname, c.relname),
    n.nspname::text,
    md5(
        concat_ws(
            ' ', c.relnamespace, c.relowner, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
            c.relam, c.reltablespace, c.reloptions, string_agg(parts.version, ',' order by parts.version)
        )
    )
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
left join parts on c.oid = parts.oid
where
    c.relkind in ('r', 'p', 'm', 'v', 'f')
    and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
group by c.oid, n.nspname;

-- name: extensions
select e.extname::text
from pg_extension as e;

-- name: names
-- Full names of what others can build on, but for what belongs to extensions.
with named as (
    select
        'pg_catalog.pg_class'::regclass as kind,
        c.oid,
        c.relnamespace as namespace,
        c.relname as name
    from pg_class as c
    where c.relkind in ('r', 'p', 'm', 'v', 'f')
    union all
    select
        'pg_catalog.pg_type'::regclass,
        t.oid,
        t.typnamespace,
        t.typname
    from pg_type as t
    where t.typtype in ('e', 'd', 'r')
    union all
    select
        'pg_catalog.pg_proc'::regclass,
        p.oid,
        p.pronamespace,
        p.proname
    from pg_proc as p
)

select format('%I.%I', n.nspname, o.name)
from named as o
inner join pg_namespace as n on o.namespace = n.oid
left join pg_depend as d on o.kind = d.classid and o.oid = d.objid and d.deptype = 'e'
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and d.objid is null;
