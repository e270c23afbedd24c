-- What memdb reads and writes about migrations themselves. yoyo's own tables stay as yoyo makes them, so that
-- the stock yoyo command sees the same history; memdb adds one table beside them. {schema} is the target schema.

-- name: create
create table if not exists memdb_migrations (
    migration_id varchar(255),
    checksum char(64) not null,
    sql text not null,
    started_at timestamptz not null default clock_timestamp(),
    duration_ms double precision null,
    constraint memdb_migrations_pkey primary key (migration_id)
);
comment on table memdb_migrations is
'What memdb knows of each migration beyond _yoyo_migration: what exactly was run, and how long it took. '
'A row that _yoyo_migration lacks belongs to a migration outside of a transaction that was begun and not finished.';
comment on column memdb_migrations.migration_id is 'As in _yoyo_migration.';
comment on column memdb_migrations.checksum is 'SHA-256 of the file that was run, without BOM and carriage returns.';
comment on column memdb_migrations.sql is 'What was run, to show what an edit of the file has changed.';
comment on column memdb_migrations.started_at is 'When the migration was begun.';
comment on column memdb_migrations.duration_ms is
'How long it ran, in milliseconds. NULL: not finished, or not run here.';

-- name: readable
-- Whether the history is there (no row: it is not) and whether this role may read it.
select
    has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select') as readable,
    exists(
        select from pg_class as m
        where m.relnamespace = n.oid and m.relname = 'memdb_migrations'
    ) as has_details
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %s and c.relname = '_yoyo_migration';

-- name: applied
with latest as (
    select distinct on (migration_hash)
        migration_hash,
        username,
        hostname
    from {schema}._yoyo_log
    where operation in ('apply', 'mark')
    order by migration_hash asc, created_at_utc desc
)

select
    y.migration_id,
    y.applied_at_utc at time zone 'UTC',
    l.username || '@' || l.hostname,
    m.checksum,
    m.duration_ms
from {schema}._yoyo_migration as y
left join {schema}.memdb_migrations as m on y.migration_id = m.migration_id
left join latest as l on y.migration_hash = l.migration_hash
order by y.applied_at_utc, y.migration_id;

-- name: applied_by_yoyo
select
    migration_id,
    applied_at_utc at time zone 'UTC',
    null,
    null,
    null
from {schema}._yoyo_migration
order by applied_at_utc, migration_id;

-- name: begin
insert into memdb_migrations (migration_id, checksum, sql)
values (%s, %s, %s)
on conflict (migration_id) do update
    set checksum = excluded.checksum, sql = excluded.sql, started_at = excluded.started_at, duration_ms = null;

-- name: keep
-- What is about to be rolled back outside of a transaction, and so may be found half done.
insert into memdb_migrations (migration_id, checksum, sql)
values (%s, %s, %s)
on conflict (migration_id) do nothing;

-- name: begun
select
    checksum,
    sql
from memdb_migrations
where migration_id = %s;

-- name: finish
insert into memdb_migrations (migration_id, checksum, sql, duration_ms)
values (%s, %s, %s, %s)
on conflict (migration_id) do update
    set checksum = excluded.checksum, sql = excluded.sql, duration_ms = excluded.duration_ms;

-- name: forget
delete from memdb_migrations
where migration_id = %s;

-- name: has_details
select to_regclass(format('%%I.memdb_migrations', %s::text)) is not null;

-- name: unfinished
-- Migrations outside of a transaction that were begun, applying or rolling back, and not finished.
select
    m.migration_id,
    m.started_at,
    null,
    m.checksum,
    null
from {schema}.memdb_migrations as m
left join {schema}._yoyo_migration as y on m.migration_id = y.migration_id
where y.migration_id is null
order by m.started_at;

-- name: sql_that_was_run
select sql
from memdb_migrations
where migration_id = %s;

-- name: comment_on_last_log
update _yoyo_log
set comment = %s
where id = (
    select id
    from _yoyo_log
    where migration_id = %s
    order by created_at_utc desc
    limit 1
);

-- name: lock_holder
select
    a.pid,
    a.application_name,
    a.backend_start,
    a.state,
    now() - a.query_start,
    regexp_replace(left(a.query, 80), '\s+', ' ', 'g')
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

-- name: prepare_session
-- For the connection that runs migrations. lock_timeout: a lock that is waited for stops everybody who comes
-- after, so it is waited for briefly, and again later. statement_timeout and, from PostgreSQL 17 on,
-- transaction_timeout: what the server or the role allows a query is too little for an index. The others let the
-- server notice soon that this client is gone.
select
    set_config('lock_timeout', %s, false),
    set_config('statement_timeout', '0', false),
    (
        select set_config(s.name, '0', false) from pg_settings as s
        where s.name = 'transaction_timeout'
    ),
    set_config('idle_in_transaction_session_timeout', '0', false),
    set_config('client_connection_check_interval', '2s', false),
    set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false);

-- name: put_schema_first
select set_config(
    'search_path',
    concat_ws(', ', quote_ident(%s), nullif(current_setting('search_path'), '')),
    false
);

-- name: complete_search_path
-- Some roles have an empty search_path, and some extensions a schema of their own that is not on it.
select set_config(
    'search_path',
    concat_ws(
        ', ',
        coalesce(nullif(current_setting('search_path'), ''), 'public'),
        (
            select quote_ident(n.nspname)
            from pg_extension as e
            inner join pg_namespace as n on e.extnamespace = n.oid
            where e.extname = 'vector' and n.nspname != all(current_schemas(true))
        )
    ),
    false
);

-- name: index_state
-- An index as it can be referred to, and whether it can be used. It is in the schema of its table, where that is told.
select
    i.indexrelid::regclass::text,
    i.indisvalid and i.indisready and i.indislive as valid
from pg_index as i
where
    i.indexrelid = to_regclass(
        concat(
            (
                select quote_ident(n.nspname) || '.'
                from pg_class as t
                inner join pg_namespace as n on t.relnamespace = n.oid
                where t.oid = to_regclass(%s)
            ),
            %s::text
        )
    );

-- name: build_memory
-- What an index build may use, in MB, and how many rows it will hold.
select
    (
        select setting::bigint / 1024 from pg_settings
        where name = 'maintenance_work_mem'
    ),
    (select count(*) from {table});

-- name: index_build
-- How far the index build of a backend is.
select
    phase,
    blocks_done,
    blocks_total,
    tuples_done,
    tuples_total,
    relid::regclass::text
from pg_stat_progress_create_index
where pid = %s;

-- name: blockers
-- Whom a backend waits for.
select
    a.pid,
    a.application_name,
    a.usename,
    a.state,
    now() - a.xact_start
from pg_stat_activity as a
where a.pid = any(pg_blocking_pids(%s))
order by a.xact_start;
