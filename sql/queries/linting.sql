-- What memdb lint compares before a migration and after its rollback.

-- name: objects
-- Every object that was made here, whatever its kind, by its full name, with the privileges on it.
-- What belongs to another object (a table's row type, the index of a constraint, a trigger of a foreign key) is left
-- out, as it comes and goes with that.
select
    i.type || ' ' || i.identity,
    found.privileges
from (
    select
        'pg_catalog.pg_class'::regclass as catalog,
        c.oid,
        c.relacl::text as privileges
    from pg_class as c
    union all
    select
        'pg_catalog.pg_type'::regclass,
        t.oid,
        t.typacl::text
    from pg_type as t
    union all
    select
        'pg_catalog.pg_proc'::regclass,
        p.oid,
        p.proacl::text
    from pg_proc as p
    union all
    select
        'pg_catalog.pg_namespace'::regclass,
        n.oid,
        n.nspacl::text
    from pg_namespace as n
    union all
    select
        'pg_catalog.pg_trigger'::regclass,
        g.oid,
        null
    from pg_trigger as g
    union all
    select
        'pg_catalog.pg_operator'::regclass,
        o.oid,
        null
    from pg_operator as o
    union all
    select
        'pg_catalog.pg_ts_config'::regclass,
        s.oid,
        null
    from pg_ts_config as s
    union all
    select
        'pg_catalog.pg_publication'::regclass,
        b.oid,
        null
    from pg_publication as b
) as found
cross join lateral pg_identify_object(found.catalog, found.oid, 0) as i
where
    (found.oid >= 16384 or found.privileges is not null)
    and coalesce(i.schema, '') not in ('pg_toast', 'pg_catalog', 'information_schema')
    and i.identity !~ '(^|[.])(_yoyo_|yoyo_lock|memdb_)'
    and not exists (
        select 1
        from pg_depend as d
        where d.classid = found.catalog and d.objid = found.oid and d.deptype in ('e', 'i', 'a')
    );
