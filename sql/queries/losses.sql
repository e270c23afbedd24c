-- What memdb rollback looks at, before and after it has tried a rollback, to tell which rows and values would be lost.

-- name: tables
-- Whatever has rows of its own, or of its partitions, or lends its name to those of another server (f), but for the
-- history of these migrations, which is in the schema `home`. The numbers of changed rows are those of this
-- transaction, also of what it has taken back. A refresh gives a materialized view another file. The type of a column
-- says of what it is composed, too: an attribute that is dropped takes its values along, and leaves the column.
with recursive reached as (
    select distinct
        a.atttypid as of_column,
        a.atttypid as type
    from pg_attribute as a
    where a.atttypid >= 16384 -- a type that somebody has made: FirstNormalObjectId
    union
    select
        r.of_column,
        part.type
    from reached as r
    inner join pg_type as t on r.type = t.oid
    cross join
        lateral (
            select unnest(array[t.typelem, t.typbasetype])
            union all
            select g.rngsubtype from pg_range as g
            where t.oid in (g.rngtypid, g.rngmultitypid)
            union all
            select a.atttypid from pg_attribute as a
            where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        ) as part (type)
    where part.type >= 16384
),

composed as (
    select
        r.of_column,
        string_agg(
            format('%%s.%%s %%s %%s', a.attrelid, a.attnum, a.atttypid, a.atttypmod), ', ' order by a.attrelid, a.attnum
        ) as of_attributes
    from reached as r
    inner join pg_type as t on r.type = t.oid
    inner join pg_attribute as a on t.typrelid = a.attrelid and a.attnum > 0 and not a.attisdropped
    group by r.of_column
)

select
    c.oid,
    format('%%I.%%I', n.nspname, c.relname) as name,
    c.relkind as kind,
    case when c.relkind <> 'm' then pg_relation_filenode(c.oid) end as file,
    case when c.relispartition then (
        select i.inhparent from pg_inherits as i
        where i.inhrelid = c.oid and not i.inhdetachpending
    ) end as parent,
    coalesce((
        select
            jsonb_object_agg(
                a.attnum::text,
                jsonb_build_array(
                    quote_ident(a.attname),
                    concat_ws(' ', a.atttypid, a.atttypmod, m.of_attributes),
                    a.attgenerated <> ''
                )
            )
        from pg_attribute as a
        left join composed as m on a.atttypid = m.of_column
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ), '{}') as columns,
    pg_stat_get_xact_tuples_deleted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) as changed,
    pg_stat_get_xact_tuples_inserted(c.oid) as inserted,
    exists(
        select from pg_locks as l
        where
            l.pid = pg_backend_pid() and l.locktype = 'relation' and l.relation = c.oid
            and l.mode = 'RowExclusiveLock' and l.granted
    ) as written,
    current_setting('track_counts')::boolean and c.relkind <> 'f' as counted
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where
    (c.relkind in ('r', 'p', 'f') or (c.relkind = 'm' and c.relispopulated))
    and (
        (n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
        or c.oid = 'pg_largeobject'::regclass
    )
    and not (
        n.nspname = %(home)s
        and c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'memdb_migrations')
    )
order by n.nspname, c.relname;

-- name: contents
-- The number of rows, and a sum over them that depends on each value.
select
    count(*),
    sum(('x' || left(md5(record_send(row({row}))), 16))::bit(64)::bigint::numeric)
from only {table}; -- noqa: PRS

-- name: counters
-- How far sequences are, as far as this role may see: no transaction takes a setval back. With the table and the number
-- of the column to which each belongs.
with owners as (
    select
        d.objid,
        d.refobjid,
        d.refobjsubid
    from pg_depend as d
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
)

select
    s.seqrelid as oid,
    format('%I.%I', n.nspname, c.relname) as name,
    o.refobjid as of_table,
    o.refobjsubid::text as of_column,
    s.seqstart as first,
    s.seqincrement as step,
    case when has_sequence_privilege(c.oid, 'usage, select') then pg_sequence_last_value(c.oid) end as last,
    not has_sequence_privilege(c.oid, 'usage, select') as hidden
from pg_sequence as s
inner join pg_class as c on s.seqrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
left join owners as o on c.oid = o.objid
where not pg_is_other_temp_schema(n.oid)
order by n.nspname, c.relname;

-- name: put_back
-- Those that are behind where they were.
select setval(format('%%I.%%I', s.schemaname, s.sequencename)::regclass, was.value)
from pg_sequences as s
inner join
    unnest(%(names)s::text[], %(values)s::bigint[]) as was (name, value)
    on was.name = format('%%I.%%I', s.schemaname, s.sequencename)
where s.last_value is null or (s.last_value - was.value::numeric) * sign(s.increment_by) < 0;

-- name: use
-- As if each had given out a thousand values, or all that it has.
select
    setval(
        s.seqrelid::regclass,
        (case
            when s.seqincrement > 0 then least(s.seqstart + 1000 * s.seqincrement::numeric, s.seqmax)
            else greatest(s.seqstart + 1000 * s.seqincrement::numeric, s.seqmin)
        end)::bigint
    )
from pg_sequence as s;
