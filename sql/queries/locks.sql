-- What memdb migrate --dry-run reads of the database where the migrations are going to run.

-- name: rows
-- Sizes of tables, whether this role sees all of their rows, and how many these may be; null where never analyzed. The
-- estimate grows with the table, as the planner's does. The bytes count what is stored out of line, but no indexes;
-- these are given by name and method.
with asked as (
    select
        %s::text[] as names,
        %s::text as target
)

select
    t.name,
    format('%%I.%%I', n.nspname, c.relname),
    pg_relation_size(c.oid),
    has_table_privilege(c.oid, 'select') and not row_security_active(c.oid),
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
inner join pg_class as c
    on to_regclass(
        case
            when cardinality(parse_ident(t.name)) = 1 then format('%%I.%%s', asked.target, t.name)
            else t.name
        end
    ) = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where c.relkind in ('r', 'p', 'm');

-- name: tables_named
-- How to make the tables that some text names, or that are in a schema which it drops, with their columns and keys and
-- nothing else; by their full names.
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
        or (%(text)s ~* 'drop\s+schema' and position(lower(n.nspname) in lower(%(text)s)) > 0)
    );

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
    on format('%%I.%%I', c.relnamespace::regnamespace, c.relname) = any(asked.altered || asked.dropped)
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
-- Of these extensions, the version that is installed, or would be; null where the server does not offer them.
select
    asked.name,
    coalesce(e.extversion, v.default_version)
from unnest(%s::text[]) as asked (name)
left join pg_extension as e on asked.name = e.extname
left join pg_available_extensions as v on asked.name = v.name;
