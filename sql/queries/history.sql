-- What memdb reads and writes about migrations themselves. yoyo's own tables stay as yoyo makes them, so that
-- the stock yoyo command sees the same history; memdb adds one table beside them. {schema} is where they are.

-- name: homes
-- Every schema with tables of a history, whoever made them, with what is to be known before they are trusted: which
-- of them this role may not read, which of yoyo's are not there, and why one is not what yoyo or memdb made. Whoever
-- reads or writes them must call nothing that others have made: no trigger and no rule, no default and no
-- expression, and no type with casts of its own (made after the database: oids from 16384), and no policy; those of
-- row-level security are not called for the owner. Where this is a superuser, of_lesser_owner are the tables whose
-- owner, or whose schema's owner, is none. started_at has a default, which memdb never uses.
with supers as (
    select
        r.oid,
        r.rolname
    from pg_roles as r
    where exists ( -- what is called could take that role, or become one by files or programs of the server
        select from pg_roles as s
        where
            (
                s.rolsuper
                or s.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
            )
            and pg_has_role(r.oid, s.oid, 'member')
    )
),

me as (
    select exists(
        select from supers as r
        -- which role a session has, somebody else may have set
        where r.rolname in (current_user, case when %(by_login)s then session_user end)
    ) as rolsuper
),

tables as (
    select
        n.oid as schema_oid,
        n.nspname,
        c.oid,
        c.relname,
        c.relkind,
        row_security_active(c.oid) as hides_rows,
        c.relhasrules,
        c.relchecks > 0 as has_checks,
        me.rolsuper and (owner.oid is null or schema_owner.oid is null) as of_lesser_owner,
        c.relhassubclass or c.relispartition or held.inherited as is_shared,
        held.unknown_types,
        held.defaults,
        held.has_position,
        held.has_target,
        pg_has_role(c.relowner, 'usage') as is_ours
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    left join supers as owner on c.relowner = owner.oid
    inner join pg_database as d on d.datname = current_database()
    left join
        supers as schema_owner
        on case when n.nspowner = 'pg_database_owner'::regrole then d.datdba else n.nspowner end = schema_owner.oid
    cross join me
    left join lateral (
        select
            bool_or(a.attinhcount > 0) as inherited,
            bool_or(a.atttypid >= 16384) as unknown_types,
            bool_or(a.atthasdef and (a.attname <> 'started_at' or a.attgenerated <> '')) as defaults,
            bool_or(a.attname = 'position') as has_position,
            bool_or(a.attname = 'target_schema') as has_target
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as held on true
    where
        c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'memdb_migrations')
        and n.nspname !~ '^pg_'
)

select
    t.nspname as schema,
    bool_or(t.relname = '_yoyo_migration') as exists,
    bool_or(t.relname = 'memdb_migrations') as has_details,
    bool_or(t.relname = 'memdb_migrations' and t.has_position) as has_positions,
    bool_or(t.relname = 'memdb_migrations' and t.has_target) as has_targets,
    bool_or(t.relname = 'memdb_migrations' and t.is_ours) as is_ours,
    coalesce(
        array_agg(format('%%I.%%I', t.nspname, t.relname) order by t.relname) filter (
            where t.relname <> '_yoyo_version' and (
                t.hides_rows
                or not (has_schema_privilege(t.schema_oid, 'usage') and has_table_privilege(t.oid, 'select'))
            )
        ),
        '{}'
    ) as unreadable,
    coalesce(
        array_agg(format('%%I.%%I', t.nspname, t.relname) order by t.relname) filter (
            where not (
                has_schema_privilege(t.schema_oid, 'usage')
                and has_table_privilege(t.oid, 'select')
                and (t.relname = '_yoyo_version' or has_table_privilege(t.oid, 'insert'))
                and (t.relname not in ('_yoyo_migration', 'memdb_migrations') or has_table_privilege(t.oid, 'delete'))
                and (t.relname <> 'memdb_migrations' or has_table_privilege(t.oid, 'update'))
            )
        ),
        '{}'
    ) as unwritable,
    array(
        select part.name from unnest(array['_yoyo_migration', '_yoyo_log', '_yoyo_version']) as part (name)
        where part.name <> all(array_agg(t.relname))
    ) as missing,
    coalesce(
        array_agg(format('%%I.%%I', t.nspname, t.relname)) filter (where t.of_lesser_owner), '{}'
    ) as of_lesser_owner,
    min(
        case
            when t.relkind <> 'r' then format('%%s is no table', t.relname)
            when t.relhasrules then format('%%s has rules', t.relname)
            when t.is_shared then format('%%s shares its rows with other tables', t.relname)
            when t.unknown_types then format('%%s has columns of unknown types', t.relname)
            when t.defaults then format('%%s has defaults', t.relname)
            when t.has_checks then format('%%s has constraints', t.relname)
            when exists (
                select from pg_trigger as g
                where g.tgrelid = t.oid
            ) then format('%%s has triggers', t.relname)
            when exists (
                select from pg_index as x
                where
                    x.indrelid = t.oid
                    and (x.indexprs is not null or x.indpred is not null or x.indisexclusion)
            ) then format('%%s has an index of expressions', t.relname)
            when exists (
                select from pg_statistic_ext as x
                where x.stxrelid = t.oid and x.stxexprs is not null
            ) then format('%%s has statistics of expressions', t.relname)
        end
    ) as odd
from tables as t
group by t.nspname
order by t.nspname;

-- name: has_any
select exists(
    select from {schema}._yoyo_migration
    where migration_id = any(%s)
);

-- name: has_schema
select exists(
    select from pg_namespace as n
    where n.nspname = %s
);

-- name: tables
select c.relname
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %s and c.relkind = 'r';

-- name: create
create table {schema}.memdb_migrations (
    migration_id varchar(255),
    checksum char(64) not null,
    sql text not null,
    started_at timestamptz not null default clock_timestamp(),
    duration_ms double precision null,
    constraint memdb_migrations_pkey primary key (migration_id)
);
comment on table {schema}.memdb_migrations is
'What memdb knows of each migration beyond _yoyo_migration: what exactly was run, and how long it took. '
'A row that _yoyo_migration lacks belongs to a migration outside of a transaction that was begun and not finished.';
comment on column {schema}.memdb_migrations.migration_id is 'As in _yoyo_migration.';
comment on column {schema}.memdb_migrations.checksum is
'SHA-256 of the file that was run, without BOM, and with every line end as a line feed.';
comment on column {schema}.memdb_migrations.sql is 'What was run, to show what an edit of the file has changed.';
comment on column {schema}.memdb_migrations.started_at is 'When the migration was begun.';
comment on column {schema}.memdb_migrations.duration_ms is
'How long it ran, in milliseconds. NULL: not finished, or not run here.';

-- name: add_positions
-- For the table of an earlier memdb, too, which had none.
alter table {schema}.memdb_migrations add column position bigint;
update {schema}.memdb_migrations as m
set position = o.position
from (
    select
        d.migration_id,
        row_number() over (order by y.applied_at_utc, d.started_at) as position
    from {schema}.memdb_migrations as d
    left join {schema}._yoyo_migration as y on d.migration_id = y.migration_id
) as o
where m.migration_id = o.migration_id;
comment on column {schema}.memdb_migrations.position is
'The order in which migrations were applied, counted by the server: clocks of clients differ.';

-- name: add_targets
alter table {schema}.memdb_migrations add column target_schema text;
comment on column {schema}.memdb_migrations.target_schema is
'Where names without a schema led when the migration was applied. NULL: not known.';

-- name: applied
-- In the order in which they were applied. What stock yoyo applied has no position: it comes after what it followed.
-- Lost is what yoyo's table lacks, and is applied by the last that the log says of it: that table was restored without
-- rows, or it and memdb's were restored as of an earlier day.
-- What stock yoyo has taken back has a row of memdb's left, with a duration; what is begun has none.
with latest as (
    select distinct on (migration_hash)
        migration_hash,
        username,
        hostname
    from {schema}._yoyo_log
    where operation in ('apply', 'mark')
    order by migration_hash asc, created_at_utc desc
),

logged as (
    select distinct on (migration_id)
        migration_id,
        operation in ('apply', 'mark') as was_applied,
        created_at_utc as at
    from {schema}._yoyo_log
    order by migration_id asc, created_at_utc desc
),

entries as (
    select
        y.migration_id is not null as finished,
        y.migration_id is null and coalesce(g.was_applied, m.duration_ms is not null) as lost,
        coalesce(y.migration_id, m.migration_id, g.migration_id) as migration_id,
        coalesce(y.applied_at_utc at time zone 'UTC', m.started_at, g.at at time zone 'UTC') as applied_at,
        l.username || '@' || l.hostname as applied_by,
        m.checksum,
        m.duration_ms,
        {target} as led_to,
        {position} as place
    from {schema}._yoyo_migration as y
    full join {schema}.memdb_migrations as m on y.migration_id = m.migration_id
    left join latest as l on y.migration_hash = l.migration_hash
    full join logged as g on coalesce(y.migration_id, m.migration_id) = g.migration_id
    where
        y.migration_id is not null
        or g.was_applied
        or (m.migration_id is not null and (g.was_applied is null or m.duration_ms is null))
)

select
    finished,
    lost,
    migration_id as id,
    applied_at as at,
    applied_by as by,
    checksum,
    duration_ms,
    led_to as target
from entries
order by
    coalesce(place, max(place) over (order by applied_at, migration_id), 0),
    place is null,
    applied_at,
    migration_id;

-- name: applied_by_yoyo
select
    true as finished,
    false as lost,
    migration_id as id,
    applied_at_utc at time zone 'UTC' as at,
    null as by,
    null as checksum,
    null as duration_ms,
    null as target
from {schema}._yoyo_migration
order by applied_at_utc, migration_id;

-- name: next_log_time
-- The server's time, but after all that the log has: clocks of clients differ, and its last entry decides what is lost.
select greatest(clock_timestamp() at time zone 'UTC', max(created_at_utc) + interval '1 microsecond')
from {schema}._yoyo_log;

-- name: unmark
delete from {schema}._yoyo_migration
where migration_hash = %s;

-- name: begin
-- What is about to be run or rolled back outside of a transaction, and so may be found half done, or what is marked. It
-- comes after all that are there, but before those of the given ids, which were applied on top of it. No sequence
-- counts them, as for an earlier memdb: replication copies rows, and no sequences.
insert into {schema}.memdb_migrations (migration_id, checksum, sql, started_at, position)
overriding system value
values (
    %s, %s, %s, clock_timestamp(),
    (
        select coalesce(min(m.position) filter (where m.migration_id = any(%s)) - 1, max(m.position) + 1, 1)
        from {schema}.memdb_migrations as m
    )
)
on conflict (migration_id) do update
    set duration_ms = null;

-- name: begun
select
    checksum,
    sql
from {schema}.memdb_migrations
where migration_id = %s;

-- name: finish
insert into {schema}.memdb_migrations (migration_id, checksum, sql, duration_ms, started_at, position)
overriding system value
values (
    %s, %s, %s, %s, clock_timestamp(), (select coalesce(max(m.position), 0) + 1 from {schema}.memdb_migrations as m)
)
on conflict (migration_id) do update
    set
        checksum = excluded.checksum,
        sql = excluded.sql,
        duration_ms = excluded.duration_ms;

-- name: lead
update {schema}.memdb_migrations
set target_schema = %s
where migration_id = %s;

-- name: accept
update {schema}.memdb_migrations
set migration_id = %s, checksum = %s, sql = %s
where migration_id = %s;

-- name: rename_mark
update {schema}._yoyo_migration
set migration_hash = %s, migration_id = %s
where migration_id = %s;

-- name: forget
delete from {schema}.memdb_migrations
where migration_id = %s;

-- name: sql_that_was_run
select sql
from {schema}.memdb_migrations
where migration_id = %s;

-- name: comment_on_last_log
update {schema}._yoyo_log
set comment = %s
where id = (
    select id
    from {schema}._yoyo_log
    where migration_id = %s
    order by created_at_utc desc
    limit 1
);

-- name: lock_is_held
select exists(
    select from pg_locks as l
    where
        l.locktype = 'advisory' and l.granted and l.pid = pg_backend_pid()
        and l.database = (
            select d.oid from pg_database as d
            where d.datname = current_database()
        )
        and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%s, 0)
        and l.objsubid = 1
);

-- name: lock_holder
select
    a.pid,
    a.application_name,
    a.backend_start,
    a.state,
    now() - a.query_start,
    regexp_replace(left(a.query, 80), '[[:space:]]+', ' ', 'g')
from pg_locks as l
inner join pg_stat_activity as a on l.pid = a.pid
where
    l.locktype = 'advisory' and l.granted
    and l.database = (
        select oid from pg_database
        where datname = current_database()
    )
    and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%s, 0)
    and l.objsubid = 1
order by a.backend_start
limit 1;

-- name: resolve
-- Where a name leads, as whoever wrote it sees it; memdb's own statements then say it by oid.
select pg_catalog.to_regclass(%s)::pg_catalog.oid;

-- name: index_of_table
-- The index of this name, as written, in the schema of a table: that is where a new one is made.
select to_regclass(format('%%I.%%s', n.nspname, %s::text))::oid
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.oid = %s;

-- name: index_state
-- An index as it can be referred to, whether it can be used, its bare name, and its table.
select
    format('%%I.%%I', n.nspname, c.relname),
    i.indisvalid and i.indisready and i.indislive as valid,
    c.relname::text,
    i.indrelid::bigint
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where i.indexrelid = %s;

-- name: build_memory
-- What an index build may use, in MB, and how many rows it will hold.
select
    (
        select setting::bigint / 1024 from pg_settings
        where name = 'maintenance_work_mem'
    ),
    (select count(*) from {table});

-- name: table_name
select format('%%I.%%I', n.nspname, c.relname)
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.oid = %s;

-- name: index_build
-- How far the index build of a backend is.
select
    p.phase,
    p.blocks_done,
    p.blocks_total,
    p.tuples_done,
    p.tuples_total,
    c.relname
from pg_stat_progress_create_index as p
inner join pg_class as c on p.relid = c.oid
where p.pid = %s;

-- name: blockers
-- Whom a backend waits for. A build also waits, for a moment, for the snapshot of whoever asks.
select
    a.pid,
    a.application_name,
    a.usename,
    a.state,
    now() - a.xact_start
from pg_stat_activity as a
where a.pid = any(pg_blocking_pids(%s)) and a.pid <> pg_backend_pid()
order by a.xact_start;
