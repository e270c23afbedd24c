-- What memdb migrate --dry-run reads: the locks that a statement took where it was tried, and how many rows the
-- tables hold where it is going to run.

-- name: relations
-- What can be locked, by its oid, with the table that an index belongs to. Those of the target go by their bare names.
select
    c.oid,
    case
        when n.nspname = %s then quote_ident(c.relname)
        else format('%%I.%%I', n.nspname, c.relname)
    end,
    coalesce(i.indrelid, 0)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_index as i on c.oid = i.indexrelid
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

-- name: rows
-- Sizes and estimated rows of tables; null where the table was never analyzed. The estimate grows with the table, as
-- the planner's does.
with asked as (
    select
        %s::text[] as names,
        %s::text as target
)

select
    t.name,
    format('%%I.%%I', n.nspname, c.relname),
    pg_relation_size(c.oid),
    has_table_privilege(c.oid, 'select'),
    case
        when c.reltuples >= 0 and c.relpages > 0
            then round(
                c.reltuples / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::int)
            )::bigint
    end
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
