-- What memdb migrate --dry-run reads of the database where the migrations are going to run.

-- name: rows
-- Sizes of tables, whether this role may count all of their rows, and how many these may be; null where never
-- analyzed. The estimate grows with the table, as the planner's does. The bytes count what is stored out of line, but
-- no indexes; these are given by name and method.
with asked as (
    select
        %s::text[] as names,
        %s::text as target
)

select
    t.name,
    c.oid::bigint,
    format('%%I.%%I', n.nspname, c.relname),
    pg_relation_size(c.oid),
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and not row_security_active(c.oid),
    case
        when c.reltuples >= 0 and c.relpages > 0
            then round(
                c.reltuples / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::int)
            )::bigint
    end,
    pg_table_size(c.oid),
    array(
        select array[x.relname::text, a.amname::text]
        from pg_index as i
        inner join pg_class as x on i.indexrelid = x.oid
        inner join pg_am as a on x.relam = a.oid
        where i.indrelid = c.oid
        order by x.relname
    )
from asked
cross join unnest(asked.names) as t (name)
cross join parse_ident(t.name) as parts
inner join pg_namespace as n on case cardinality(parts) when 1 then asked.target else parts[1] end = n.nspname
inner join pg_class as c on n.oid = c.relnamespace and parts[cardinality(parts)] = c.relname
where c.relkind in ('r', 'p', 'm');

-- name: tables_named
-- How to make the tables that some text names, or an index of theirs, or that are in a schema which it drops, with
-- their columns and keys and nothing else; by their full names.
select
    format('%%I.%%I', n.nspname, c.relname),
    quote_ident(n.nspname),
    format(
        'create table %%I.%%I (%%s)%%s',
        n.nspname,
        c.relname,
        concat_ws(
            ', ',
            (
                select
                    string_agg(
                        format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod))
                        || case when a.attnotnull then ' not null' else '' end,
                        ', '
                        order by a.attnum
                    )
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ),
            (
                select string_agg(format('constraint %%I %%s', k.conname, pg_get_constraintdef(k.oid)), ', ')
                from pg_constraint as k
                where k.conrelid = c.oid and k.contype in ('p', 'u')
            )
        ),
        ' partition by ' || pg_get_partkeydef(c.oid)
    )
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p')
    and c.relpersistence <> 't'
    and not c.relispartition
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and (
        position(lower(c.relname) in lower(%(text)s)) > 0
        or exists (
            select
            from pg_index as i
            inner join pg_class as x on i.indexrelid = x.oid
            where i.indrelid = c.oid and position(lower(x.relname) in lower(%(text)s)) > 0
        )
        or (%(text)s ~* 'drop[[:space:]]+schema' and position(lower(n.nspname) in lower(%(text)s)) > 0)
    );

-- name: dependents
-- How to make what others have built on these objects, by their full names: views, foreign keys, and columns of their
-- types; and the tables that this takes, with their columns and nothing else.
with recursive given as (
    select
        'pg_catalog.pg_class'::regclass as kind,
        c.oid
    from pg_class as c
    where format('%%s.%%I', c.relnamespace::regnamespace, c.relname) = any(%(names)s::text[])
    union all
    select
        'pg_catalog.pg_type'::regclass,
        t.oid
    from pg_type as t
    left join pg_type as e on t.typelem = e.oid and t.typcategory = 'A'
    where
        format('%%s.%%I', coalesce(e.typnamespace, t.typnamespace)::regnamespace, coalesce(e.typname, t.typname))
        = any(%(names)s::text[])
    union all
    select
        'pg_catalog.pg_proc'::regclass,
        p.oid
    from pg_proc as p
    where format('%%s.%%I', p.pronamespace::regnamespace, p.proname) = any(%(names)s::text[])
),

views as (
    select
        g.kind,
        g.oid
    from given as g
    union
    select
        'pg_catalog.pg_class'::regclass,
        w.ev_class
    from views as v
    inner join pg_depend as d on v.kind = d.refclassid and v.oid = d.refobjid
    inner join pg_rewrite as w on d.objid = w.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
),

keys as (
    select
        k.oid,
        k.conrelid
    from pg_constraint as k
    inner join given as g on k.confrelid = g.oid and g.kind = 'pg_catalog.pg_class'::regclass
    where k.contype = 'f' and k.conparentid = 0
),

tables as (
    select d.objid as oid
    from given as g
    inner join pg_depend as d on g.kind = d.refclassid and g.oid = d.refobjid
    where
        g.kind = 'pg_catalog.pg_type'::regclass and d.classid = 'pg_catalog.pg_class'::regclass and d.objsubid > 0
    union
    select k.conrelid
    from keys as k
    union
    select d.refobjid
    from views as v
    inner join pg_rewrite as w on v.oid = w.ev_class and v.kind = 'pg_catalog.pg_class'::regclass
    inner join pg_depend as d on w.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
    where d.refclassid = 'pg_catalog.pg_class'::regclass
),

statements as (
    select
        1 as turn,
        c.oid as made,
        c.oid as table_oid,
        format(
            'create table if not exists %%s (%%s)',
            c.oid::regclass,
            (
                select string_agg(format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ')
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            )
        ) as statement
    from tables as t
    inner join pg_class as c on t.oid = c.oid
    where c.relkind in ('r', 'p')
    union all
    select
        2,
        k.oid as made,
        k.conrelid,
        format('alter table %%s add constraint %%I %%s', k.conrelid::regclass, c.conname, pg_get_constraintdef(k.oid))
    from keys as k
    inner join pg_constraint as c on k.oid = c.oid
    union all
    select
        2,
        c.oid as made,
        c.oid as table_oid,
        case c.relkind
            when 'm'
                then format(
                    'create materialized view %%s as %%s with no data',
                    c.oid::regclass,
                    rtrim(pg_get_viewdef(c.oid), ';')
                )
            else format('create view %%s as %%s', c.oid::regclass, pg_get_viewdef(c.oid))
        end
    from views as v
    inner join pg_class as c on v.oid = c.oid and v.kind = 'pg_catalog.pg_class'::regclass
    where c.relkind in ('v', 'm')
)

select
    quote_ident(n.nspname),
    s.statement
from statements as s
inner join pg_class as c on s.table_oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where
    c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and not exists (
        select
        from given as g
        where g.oid = c.oid and g.kind = 'pg_catalog.pg_class'::regclass
    )
order by s.turn, s.made;

-- name: rights
-- What this role lacks for a plan: tables that it does not own and cannot become the owner of, and schemas in which it
-- may not create. Who owns a schema may drop what is in it.
with asked as (
    select
        %(altered)s::text[] as altered,
        %(dropped)s::text[] as dropped,
        %(schemas)s::text[] as schemas
)

select
    current_user::text,
    'table',
    format('%%I.%%I', n.nspname, c.relname),
    pg_get_userbyid(c.relowner)::text
from asked
inner join pg_class as c
    on format('%%s.%%I', c.relnamespace::regnamespace, c.relname) = any(asked.altered || asked.dropped)
inner join pg_namespace as n on c.relnamespace = n.oid
where
    not pg_has_role(c.relowner, 'member')
    and not (format('%%I.%%I', n.nspname, c.relname) = any(asked.dropped) and pg_has_role(n.nspowner, 'member'))
union all
select
    current_user::text,
    'schema',
    quote_ident(n.nspname),
    case n.nspowner
        when to_regrole('pg_database_owner')  -- nobody can connect as this one
            then (
                select pg_get_userbyid(d.datdba)
                from pg_database as d
                where d.datname = current_database()
            )
        else pg_get_userbyid(n.nspowner)
    end::text
from asked
inner join pg_namespace as n on n.nspname = any(asked.schemas)
where not has_schema_privilege(n.oid, 'create');

-- name: extensions
-- Of these extensions, the version that is installed, or would be, which is null where the server does not offer them;
-- whether this role may create it where that is needed; and who it is.
select
    asked.name,
    coalesce(e.extversion, v.version),
    e.oid is not null
    or not v.superuser
    or r.rolsuper
    or (v.trusted and has_database_privilege(current_database(), 'create')),
    r.rolname
from unnest(%s::text[]) as asked (name)
inner join pg_roles as r on r.rolname = current_user
left join pg_extension as e on asked.name = e.extname
left join pg_available_extensions as a on asked.name = a.name
left join pg_available_extension_versions as v on a.name = v.name and a.default_version = v.version;
