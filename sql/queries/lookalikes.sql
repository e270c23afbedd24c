-- What reads alike and is not the same. Names are compared without the schemas of the tables and of the extensions,
-- so that a schema is the same wherever it lives; here is looked up where they really lead.

-- name: objects
-- Which object uses which one that somebody has made and that has the name of one of PostgreSQL's, of an extension's,
-- or in another of these schemas; or the function of a cast, a collation or an operator class, of which no schema is
-- shown.
with schemas as (
    select
        n.oid,
        n.nspname = %(home)s as is_home
    from pg_namespace as n
    where
        n.nspname = %(home)s
        or n.oid in (
            select x.extnamespace
            from pg_extension as x
            where x.extnamespace <> 'pg_catalog'::regnamespace
        )
),

named as not materialized (
    select
        'pg_catalog.pg_proc'::regclass as catalog,
        o.oid,
        o.pronamespace as schema,
        o.proname as name
    from pg_proc as o
    union all
    select
        'pg_catalog.pg_operator'::regclass,
        o.oid,
        o.oprnamespace,
        o.oprname
    from pg_operator as o
    union all
    select
        'pg_catalog.pg_type'::regclass,
        o.oid,
        o.typnamespace,
        o.typname
    from pg_type as o
    union all
    select
        'pg_catalog.pg_collation'::regclass,
        o.oid,
        o.collnamespace,
        o.collname
    from pg_collation as o
    union all
    select
        'pg_catalog.pg_opclass'::regclass,
        o.oid,
        o.opcnamespace,
        o.opcname
    from pg_opclass as o
    union all
    select
        'pg_catalog.pg_class'::regclass,
        o.oid,
        o.relnamespace,
        o.relname
    from pg_class as o
    where o.relkind in ('r', 'p', 'v', 'm', 'f')
),

of_extensions as not materialized (
    select
        d.classid as catalog,
        d.objid as oid
    from pg_depend as d
    where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
),

made as (
    select o.*
    from named as o
    where
        o.oid >= 16384 and not exists (
            select from of_extensions as x
            where x.catalog = o.catalog and x.oid = o.oid
        )
        and (
            o.schema in (select s.oid from schemas as s)
            or o.catalog in ('pg_catalog.pg_collation'::regclass, 'pg_catalog.pg_opclass'::regclass)
            or (
                o.catalog = 'pg_catalog.pg_proc'::regclass
                and o.oid in (
                    select c.castfunc
                    from pg_cast as c
                    where c.oid >= 16384
                )
            )
        )
),

alike as (
    select m.*
    from made as m
    where
        (
            m.catalog = 'pg_catalog.pg_proc'::regclass
            and m.oid in (
                select c.castfunc
                from pg_cast as c
                where c.oid >= 16384
            )
        )
        or exists (
            select from named as o
            where
                o.catalog = m.catalog and o.name = m.name and o.oid <> m.oid
                and (
                    o.schema = 'pg_catalog'::regnamespace
                    or (o.schema <> m.schema and o.schema in (select s.oid from schemas as s))
                    or exists (
                        select from of_extensions as x
                        where x.catalog = o.catalog and x.oid = o.oid
                    )
                )
        )
),

uses as (
    select distinct
        coalesce(def.adrelid, col.attrelid, rule.ev_class) as relation,
        coalesce(def.adnum, col.attnum) as number,
        d.classid as catalog,
        d.objid as oid,
        a.catalog as used_catalog,
        a.oid as used
    from alike as a
    inner join pg_depend as d
        on
            a.catalog = d.refclassid and a.oid = d.refobjid and d.deptype in ('n', 'a', 'i')
            -- who refers to a table by a key, or is a part of it, does not take it for another
            and (
                a.catalog <> 'pg_catalog.pg_class'::regclass
                or d.classid in ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass)
            )
    left join pg_attrdef as def on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = def.oid
    left join pg_rewrite as rule on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = rule.oid
    left join pg_attribute as col
        on
            d.classid = 'pg_catalog.pg_class'::regclass and d.objid = col.attrelid and d.objsubid = col.attnum
            and d.objsubid > 0
    where coalesce(rule.ev_class, 0) <> a.oid
),

keys as (
    select
        u.used_catalog,
        u.used,
        case
            when u.number is not null then 'column'
            when k.oid is not null and k.contypid <> 0 then 'domain'
            when k.oid is not null then 'constraint'
            when g.oid is not null then 'trigger'
            when y.oid is not null then 'policy'
            when s.oid is not null then 'statistics'
            when p.prokind = 'a' then 'aggregate'
            when p.oid is not null then 'function'
            when t.typtype = 'd' then 'domain'
            when t.oid is not null then 'type'
            when c.relkind in ('i', 'I') then 'index'
            when c.relkind in ('v', 'm') then 'view'
            else 'table'
        end as kind,
        coalesce(
            home.nspname, ''
        ) as schema,
        case
            when u.number is not null then quote_ident(c.relname) || '.' || quote_ident(b.attname)
            when k.oid is not null and k.contypid <> 0 then quote_ident(t.typname)
            when k.oid is not null then quote_ident(c.relname) || '.' || quote_ident(k.conname)
            when g.oid is not null then quote_ident(c.relname) || '.' || quote_ident(g.tgname)
            when y.oid is not null then quote_ident(c.relname) || '.' || quote_ident(y.polname)
            when s.oid is not null then quote_ident(s.stxname)
            when p.oid is not null then quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'
            when t.oid is not null then quote_ident(t.typname)
            else quote_ident(c.relname)
        end as name
    from uses as u
    left join pg_constraint as k on u.catalog = 'pg_catalog.pg_constraint'::regclass and u.oid = k.oid
    left join pg_trigger as g on u.catalog = 'pg_catalog.pg_trigger'::regclass and u.oid = g.oid
    left join pg_policy as y on u.catalog = 'pg_catalog.pg_policy'::regclass and u.oid = y.oid
    left join pg_statistic_ext as s on u.catalog = 'pg_catalog.pg_statistic_ext'::regclass and u.oid = s.oid
    left join pg_proc as p on u.catalog = 'pg_catalog.pg_proc'::regclass and u.oid = p.oid
    left join pg_type as t
        on
            (u.catalog = 'pg_catalog.pg_type'::regclass and u.oid = t.oid)
            or (k.contypid <> 0 and k.contypid = t.oid)
    left join pg_class as c
        on
            coalesce(
                u.relation, nullif(k.conrelid, 0), g.tgrelid, y.polrelid,
                case when u.catalog = 'pg_catalog.pg_class'::regclass then u.oid end
            ) = c.oid
    left join pg_attribute as b on u.relation = b.attrelid and u.number = b.attnum
    left join pg_namespace as home
        on coalesce(c.relnamespace, p.pronamespace, s.stxnamespace, t.typnamespace) = home.oid
    where coalesce(c.relkind, '') <> 't'
)

select
    'lookalikes' as key,
    coalesce(
        jsonb_agg(distinct jsonb_build_array(
            k.kind,
            case when k.schema = %(home)s then '' else quote_ident(k.schema) || '.' end || k.name,
            i.type,
            i.identity,
            case
                when f.oid is null
                    then coalesce(
                        case when i.schema = quote_ident(%(home)s) then '' else i.schema || '.' end || i.name,
                        i.identity
                    )
                else
                    case when f.pronamespace = h.oid then '' else quote_ident(n.nspname) || '.' end
                    || quote_ident(f.proname) || '(' || oidvectortypes(f.proargtypes) || ')'
            end
        )),
        '[]'
    ) as attributes
from keys as k
cross join lateral pg_identify_object(k.used_catalog, k.used, 0) as i
left join pg_namespace as h on h.nspname = %(home)s
left join pg_proc as f on k.used_catalog = 'pg_catalog.pg_proc'::regclass and k.used = f.oid
left join pg_namespace as n on f.pronamespace = n.oid
where k.name is not null;
