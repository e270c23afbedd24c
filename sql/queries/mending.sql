-- What is asked once something differs, so that its mend can be run as it stands.

-- name: tables
-- A table without a page has no row; a parent's rows are in its partitions, and children may have some of their own.
select
    t.name,
    case t.relkind
        when 'p'
            then coalesce(
                (
                    select sum(pg_relation_size(p.relid))
                    from pg_partition_tree(t.oid) as p
                ), 0
            ) = 0
        else pg_relation_size(t.oid) = 0 and not t.relhassubclass
    end,
    t.relkind = 'p'
from (
    select
        c.oid,
        c.relkind,
        c.relhassubclass,
        case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end || quote_ident(c.relname) as name
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where c.relkind in ('r', 'p')
) as t
where t.name = any(%(tables)s::text[]);

-- name: uses_of_columns
-- What keeps a column from changing its type, and what in turn stands on the views among that. Only what views read is
-- followed, which leads in no circle; rules may.
with recursive uses as (
    select
        q.column_name,
        d.classid,
        d.objid,
        1 as depth
    from (
        select
            c.oid,
            a.attnum,
            case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end
            || quote_ident(c.relname) || '.' || quote_ident(a.attname) as column_name
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        inner join pg_attribute as a on c.oid = a.attrelid
        where c.relkind in ('r', 'p')
    ) as q
    inner join pg_depend as d
        on
            q.oid = d.refobjid and q.attnum = d.refobjsubid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
    left join pg_attrdef as e on d.objid = e.oid and d.classid = 'pg_catalog.pg_attrdef'::regclass
    where
        q.column_name = any(%(columns)s::text[])
        and d.classid in (
            'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass,
            'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_publication_rel'::regclass
        )
        and (e.adrelid is null or e.adrelid <> q.oid or e.adnum <> q.attnum) -- its own default
    union
    select
        u.column_name,
        d.classid,
        d.objid,
        u.depth + 1
    from uses as u
    inner join pg_rewrite as w
        on u.objid = w.oid and u.classid = 'pg_catalog.pg_rewrite'::regclass and w.rulename = '_RETURN'
    inner join pg_depend as d on w.ev_class = d.refobjid and d.refclassid = 'pg_catalog.pg_class'::regclass
    where
        d.deptype <> 'i' and d.classid in (
            'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass,
            'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_attrdef'::regclass
        )
)

select
    u.column_name,
    case
        when v.oid is null then pg_describe_object(u.classid, u.objid, 0)
        else
            case v.relkind when 'm' then 'materialized view ' else 'view ' end
            || case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end || quote_ident(v.relname)
    end,
    case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end || quote_ident(v.relname),
    v.relkind = 'v' and v.relacl is null and not exists (
        select 1
        from pg_attribute as a
        where a.attrelid = v.oid and (a.attacl is not null or col_description(v.oid, a.attnum) is not null)
    ) as simple
from uses as u
left join pg_rewrite as w
    on u.objid = w.oid and u.classid = 'pg_catalog.pg_rewrite'::regclass and w.rulename = '_RETURN'
left join pg_class as v on w.ev_class = v.oid
left join pg_namespace as n on v.relnamespace = n.oid
group by u.column_name, u.classid, u.objid, v.oid, n.nspname
order by u.column_name, max(u.depth), v.relname;

-- name: disabled_constraints
-- Foreign keys are checked by triggers, on both of their tables.
select
    case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end
    || quote_ident(c.relname) || '.' || quote_ident(k.conname),
    'alter table ' || g.tgrelid::regclass || ' enable trigger ' || quote_ident(g.tgname) || ';'
from pg_trigger as g
inner join pg_constraint as k on g.tgconstraint = k.oid
inner join pg_class as c on k.conrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where g.tgisinternal and g.tgenabled = 'D'
order by g.tgrelid, g.tgname;

-- name: taken_names
-- Names stand once among the relations of a schema, and once among its types.
select
    t.space || ' ' || case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end
    || quote_ident(t.name),
    t.description
from (
    select
        'relation' as space,
        relname as name,
        relnamespace as schema,
        pg_describe_object('pg_catalog.pg_class'::regclass, oid, 0) as description
    from pg_class
    union all
    select
        'type',
        typname,
        typnamespace,
        case
            when typrelid = 0 then pg_describe_object('pg_catalog.pg_type'::regclass, oid, 0)
            else pg_describe_object('pg_catalog.pg_class'::regclass, typrelid, 0)
        end
    from pg_type
) as t
inner join pg_namespace as n on t.schema = n.oid
where
    t.space || ' ' || case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end
    || quote_ident(t.name) = any(%(names)s::text[]);

-- name: elsewhere
-- The first other schema with something by a name that is missing. One with a history of its own has a copy of its own.
select
    t.space || ' ' || quote_ident(t.name),
    min(n.nspname)
from (
    select
        'relation' as space,
        relname as name,
        relnamespace as schema
    from pg_class
    where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select
        'type',
        typname,
        typnamespace
    from pg_type
    where typtype <> 'c'
    union all
    select
        'routine',
        proname,
        pronamespace
    from pg_proc
) as t
inner join pg_namespace as n on t.schema = n.oid
where
    n.nspname not in (%(home)s, 'pg_catalog', 'information_schema')
    and n.nspname !~ '^pg_(toast|temp)'
    and t.space || ' ' || quote_ident(t.name) = any(%(names)s::text[])
    and (
        n.nspname = %(history)s
        or not exists (
            select
            from pg_class as h
            where h.relnamespace = n.oid and h.relname = '_yoyo_migration'
        )
    )
group by t.space, t.name;
