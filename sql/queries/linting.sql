-- What memdb lint compares before a migration and after its rollback.

-- name: catalogs
-- The system catalogs that say what objects are, their first columns, and which of their columns refer to objects of
-- which other catalog by oid. Left out are dependencies, which follow from the rest, what is read with its type or
-- configuration, statistics, the contents of large objects, and what may not be read.
select
    c.relname::text,
    a.attname::text,
    coalesce(
        (
            select jsonb_object_agg(k.fkcols[1], k.pktable::text)
            from pg_get_catalog_foreign_keys() as k
            where k.fktable = c.oid and cardinality(k.fkcols) = 1
        ),
        '{}'
    )
from pg_class as c
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum = 1
where
    c.relnamespace = 'pg_catalog'::regnamespace
    and c.relkind = 'r'
    and has_table_privilege(c.oid, 'select')
    and c.relname not in (
        'pg_authid', 'pg_depend', 'pg_enum', 'pg_init_privs', 'pg_largeobject', 'pg_replication_origin',
        'pg_shdepend', 'pg_statistic', 'pg_statistic_ext_data', 'pg_subscription_rel', 'pg_ts_config_map'
    );

-- name: belongings
-- What comes and goes with what: columns with their table, indexes, constraints and triggers with what they are on,
-- the members of an extension with it.
select
    d.classid::regclass::text,
    d.objid::bigint,
    d.objsubid,
    d.refclassid::regclass::text,
    d.refobjid::bigint,
    d.refobjsubid
from pg_depend as d
where d.deptype in ('a', 'e', 'i', 'P', 'S') and d.objid >= 16384 and d.refobjid >= 16384
union all
select
    'pg_class',
    a.attrelid::bigint,
    a.attnum,
    'pg_class',
    a.attrelid::bigint,
    0
from pg_attribute as a
where a.attrelid >= 16384 and a.attnum > 0;

-- name: tables
-- The tables that hold rows of their own.
select format('%I.%I', n.nspname, c.relname)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.oid >= 16384 and c.relkind = 'r' and c.relpersistence <> 't'
order by c.oid;
