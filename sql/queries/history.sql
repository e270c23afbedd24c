-- What memdb reads and writes about migrations themselves. yoyo's own tables stay as yoyo makes them, so that
-- the stock yoyo command sees the same history; memdb adds one table beside them.

-- name: create
create table if not exists memdb_migrations (
    migration_id varchar(255),
    checksum char(64) not null,
    duration_ms double precision not null,
    constraint memdb_migrations_pkey primary key (migration_id)
);
comment on table memdb_migrations is
'What memdb knows of each applied migration beyond _yoyo_migration: what exactly was run, and how long it took.';
comment on column memdb_migrations.migration_id is 'As in _yoyo_migration.';
comment on column memdb_migrations.checksum is 'SHA-256 of the file that was run, without BOM and carriage returns.';
comment on column memdb_migrations.duration_ms is 'How long the migration ran, in milliseconds.';

-- name: readable
-- Whether the history is there (no row: it is not) and whether this role may read it.
select
    has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select'),
    exists (select from pg_class where relnamespace = n.oid and relname = 'memdb_migrations')
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %s and c.relname = '_yoyo_migration'

-- name: applied
select
    y.migration_id,
    y.applied_at_utc at time zone 'UTC',
    l.username || '@' || l.hostname,
    m.checksum,
    m.duration_ms
from _yoyo_migration as y
left join memdb_migrations as m on y.migration_id = m.migration_id
left join lateral (
    select
        username,
        hostname
    from _yoyo_log
    where migration_hash = y.migration_hash and operation in ('apply', 'mark')
    order by created_at_utc desc
    limit 1
) as l on true
order by y.applied_at_utc, y.migration_id

-- name: applied_by_yoyo
select
    migration_id,
    applied_at_utc at time zone 'UTC',
    null,
    null,
    null
from _yoyo_migration
order by applied_at_utc, migration_id

-- name: record
insert into memdb_migrations (migration_id, checksum, duration_ms)
values (%s, %s, %s)
on conflict (migration_id) do update set checksum = excluded.checksum, duration_ms = excluded.duration_ms

-- name: forget
delete from memdb_migrations
where migration_id = %s

-- name: lock_holder
select
    a.pid,
    a.application_name,
    a.backend_start
from pg_locks as l
inner join pg_stat_activity as a on l.pid = a.pid
where
    l.locktype = 'advisory' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%s, 0)
    and l.objsubid = 1
limit 1
