-- What else can be made in a database. Of these, only that they are there is read.

-- name: objects
select
    'object ' || i.type || ' ' || i.identity as key,
    '{}'::jsonb as attributes
from (
    select
        'pg_catalog.pg_foreign_data_wrapper'::regclass as catalog,
        o.oid
    from pg_foreign_data_wrapper as o
    union all
    select
        'pg_catalog.pg_foreign_server'::regclass,
        o.oid
    from pg_foreign_server as o
    union all
    select
        'pg_catalog.pg_publication'::regclass,
        o.oid
    from pg_publication as o
    union all
    select
        'pg_catalog.pg_event_trigger'::regclass,
        o.oid
    from pg_event_trigger as o
    union all
    select
        'pg_catalog.pg_cast'::regclass,
        o.oid
    from pg_cast as o
    union all
    select
        'pg_catalog.pg_operator'::regclass,
        o.oid
    from pg_operator as o
    union all
    select
        'pg_catalog.pg_opclass'::regclass,
        o.oid
    from pg_opclass as o
    union all
    select
        'pg_catalog.pg_opfamily'::regclass,
        o.oid
    from pg_opfamily as o
    union all
    select
        'pg_catalog.pg_ts_config'::regclass,
        o.oid
    from pg_ts_config as o
    union all
    select
        'pg_catalog.pg_ts_dict'::regclass,
        o.oid
    from pg_ts_dict as o
    union all
    select
        'pg_catalog.pg_collation'::regclass,
        o.oid
    from pg_collation as o
    union all
    select
        'pg_catalog.pg_conversion'::regclass,
        o.oid
    from pg_conversion as o
    union all
    select
        'pg_catalog.pg_language'::regclass,
        o.oid
    from pg_language as o
    union all
    select
        'pg_catalog.pg_transform'::regclass,
        o.oid
    from pg_transform as o
    union all
    select
        'pg_catalog.pg_am'::regclass,
        o.oid
    from pg_am as o
    union all
    select
        'pg_catalog.pg_class'::regclass,
        o.oid
    from pg_class as o
    where o.relkind = 'f'
    union all
    select
        'pg_catalog.pg_type'::regclass,
        o.oid
    from pg_type as o
    where o.typtype = 'b' and o.typcategory <> 'A'
) as made
cross join lateral pg_identify_object(made.catalog, made.oid, 0) as i
where
    made.oid >= 16384 and coalesce(i.schema, '') !~ '^pg_' and not exists (
        select 1
        from pg_depend as d
        where d.classid = made.catalog and d.objid = made.oid and d.deptype in ('e', 'i')
    );
