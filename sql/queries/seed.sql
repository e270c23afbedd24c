-- How rows are loaded into memories, and how exactly those are found and removed again.
--
-- What was seeded is told by its id alone, since an end user may write anything into content and metadata. It lies
-- between 6d656d64-626d-8000-0000-000000000000 and 6d656d64-626d-8fff-ffff-ffffffffffff ("memdbm", then version 8), or
-- from 6d656d64-6275-8000-… to 6d656d64-6275-8fff-… ("memdbu") for a user; memdb/reading/keys.py has those of other
-- types. {schema}, {users} and {vector} are where memories, users and the extension live, {key} is the
-- users' key, {user_type} its type. {ordered} is the type to which a value is cast to see whether it lies between two
-- ids: a text would be in the order of some language.

-- name: settings
-- Under row-level security, rows that this role may not see would look as if they were not there: an error is better.
-- A limit meant for an application's queries is too short for building an index. The last lets the server notice soon
-- that this client is gone, and let the tables go.
select
    set_config('row_security', 'off', true),
    set_config('statement_timeout', '0', true),
    (
        select set_config(s.name, '0', true) from pg_settings as s
        where s.name = 'transaction_timeout'
    ),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('client_connection_check_interval', '2s', true);

-- name: hiding
-- Tables of which row-level security may hide rows from this role.
select c.oid::regclass::text
from pg_class as c
where c.oid in (%(memories)s::oid, %(users)s::oid) and row_security_active(c.oid)
order by c.oid;

-- name: lock_timeout
select set_config('lock_timeout', %s, true);

-- name: one_at_a_time
-- No other load, and no vacuum or new index; an application goes on reading and writing. It is a lock of the table, so
-- that only a role that may change memories can be in the way. Held until the transaction ends, for poolers' sake.
lock table {schema}.memories in share update exclusive mode; -- noqa: PRS

-- name: alone
lock table {schema}.memories in access exclusive mode; -- noqa: PRS

-- name: keep_triggers_away
-- No trigger can be added to users from now on; nobody else is in the way of this one.
lock table {users} in row exclusive mode; -- noqa: PRS

-- name: holder
-- Of the others who have locked these tables, the one with the strongest lock.
select
    a.pid,
    a.application_name,
    a.usename,
    l.mode,
    l.relation::regclass::text,
    to_char(a.xact_start, 'HH24:MI:SS')
from pg_locks as l
inner join pg_stat_activity as a on l.pid = a.pid
where
    l.relation = any(%(tables)s::oid[]) and l.granted and l.pid <> pg_backend_pid()
    and l.database = (
        select d.oid from pg_database as d
        where d.datname = current_database()
    )
order by
    array_position(
        array[
            'AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock',
            'RowExclusiveLock', 'RowShareLock', 'AccessShareLock'
        ],
        l.mode
    ),
    a.xact_start
limit 1;

-- name: state
-- The time in seconds: psycopg reads a timestamptz in the DateStyle ISO only.
select
    exists(select 1 from {schema}.memories),
    extract(epoch from now());

-- name: add_users
-- Those of the given users that are not there yet, without touching those that are. No subquery here asks for one user
-- at a time, or for no column, which Citus cannot spread over shards.
insert into {users} ({key})
overriding system value
select wanted.id
from unnest(%(wanted)s::{user_type}[]) as wanted (id)
where
    wanted.id not in (
        select present.{key} from {users} as present
        where present.{key} = any(%(wanted)s::{user_type}[])
    )
on conflict do nothing
returning {key};

-- name: missing_users
-- Those of the given users that are not there.
select wanted.id
from unnest(%(wanted)s::{user_type}[]) as wanted (id)
where
    wanted.id not in (
        select present.{key} from {users} as present
        where present.{key} = any(%(wanted)s::{user_type}[])
    )
order by wanted.id;

-- name: needed_columns
-- What a row of users has to have beside its key.
select a.attname::text
from pg_attribute as a
where
    a.attrelid = %(users)s::oid and a.attnum > 0 and not a.attisdropped
    and a.attname <> %(key)s and a.attnotnull
    and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''
order by a.attnum;

-- name: present
-- Which of the given ids are in the table, and whether they came in this very transaction.
select
    present.id,
    present.xmin = pg_current_xact_id()::xid as came_just_now
from {schema}.memories as present
where present.id = any(%s::uuid[]);

-- name: copy
copy {schema}.memories (id, created_at, accessed_at, embedding, user_id, memory_type, content, metadata)
from stdin (format binary); -- noqa: PRS

-- name: vector_indexes
-- With the statements that drop each and make it again with its comment. Left as they are: indexes in another
-- tablespace, which pg_get_indexdef does not tell, and those of partitions.
select
    c.relname as name,
    format('drop index %%s', c.oid::regclass) as drop,
    pg_get_indexdef(c.oid) as create,
    format('comment on index %%s is ', c.oid::regclass) || quote_literal(obj_description(c.oid, 'pg_class')) as describe
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_am as am on c.relam = am.oid
where
    i.indrelid = %(memories)s::oid and i.indisvalid
    and am.amname in ('hnsw', 'ivfflat')
    and c.relkind = 'i' and not c.relispartition and c.reltablespace = 0
    and pg_has_role(c.relowner, 'usage')
order by c.relname;

-- name: graphs
-- Indexes that a row makes grow as it comes, at a price, with how many rows were last counted in their tables.
select
    c.relname::text,
    greatest(t.reltuples, 0)::bigint as rows_there
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_class as t on i.indrelid = t.oid
inner join pg_am as am on c.relam = am.oid
where
    am.amname = 'hnsw' and c.relkind = 'i'
    and i.indrelid in (
        select part.relid from pg_partition_tree(%(memories)s::oid::regclass) as part
        union all
        select %(memories)s::oid
    )
order by c.relname;

-- name: vacuum
-- The planner gets its statistics, and indexes may be trusted alone: until a vacuum has seen a row, each search that
-- could do with an index looks at the table as well. Where somebody else has the table, autovacuum will do it.
vacuum (analyze, skip_locked) {schema}.memories;

-- name: not_referenced
-- For each foreign key that refers to a table: the condition that no row refers to the row "target". Embeddings that are
-- kept beside memories, and which model made one, are parts of a memory as the one in its row is: they go with it.
select
    format(
        'not exists (select from %%s as referrer where %%s)',
        con.conrelid::regclass,
        string_agg(format('referrer.%%I = target.%%I', child.attname, parent.attname), ' and ')
    )
from pg_constraint as con
cross join lateral unnest(con.conkey, con.confkey) as key (child, parent)
inner join pg_attribute as child on con.conrelid = child.attrelid and key.child = child.attnum
inner join pg_attribute as parent on con.confrelid = parent.attrelid and key.parent = parent.attnum
inner join pg_class as referrer on con.conrelid = referrer.oid
where
    con.contype = 'f' and con.conparentid = 0 and con.confrelid = %(table)s::oid
    and not (
        con.confrelid = %(memories)s::oid and con.confdeltype = 'c' and referrer.relnamespace = (
            select m.relnamespace from pg_class as m
            where m.oid = %(memories)s::oid
        )
        and (referrer.relname = 'memory_embedding_sources' or starts_with(referrer.relname, %(beside)s))
    )
group by con.oid, con.conrelid;

-- name: as_it_was_made
-- The condition that a user has nothing that was not there when memdb had made it: an id, and what has a default.
select coalesce(string_agg(format('target.%%I is null', a.attname), ' and ' order by a.attnum), 'true')
from pg_attribute as a
where
    a.attrelid = %(users)s::oid and a.attnum > 0 and not a.attisdropped
    and a.attname <> %(key)s and not a.atthasdef and a.attidentity = '' and a.attgenerated = '';

-- name: columns_that_may_refer
-- Columns of these types in other tables that this role may read, without a foreign key to these two.
select
    c.oid::bigint,
    n.nspname::text,
    c.relname::text,
    a.attname::text
from pg_attribute as a
inner join pg_class as c on a.attrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_type as t on a.atttypid = t.oid
where
    (t.oid = any(%(types)s::regtype[]) or t.typbasetype = any(%(types)s::regtype[]))
    and a.attnum > 0 and not a.attisdropped
    and c.relkind in ('r', 'p') and not c.relispartition
    and n.nspname !~ '^(pg_|information_schema$)'
    and c.oid not in (%(memories)s::oid, %(users)s::oid)
    and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
    and not row_security_active(c.oid)
    and not exists (
        select from pg_constraint as f
        where
            f.conrelid = c.oid and f.contype = 'f' and a.attnum = any(f.conkey)
            and f.confrelid in (%(memories)s::oid, %(users)s::oid)
    )
order by c.oid, a.attnum;

-- name: mentioned
select distinct {column}
from {table}
where {column}::{ordered} between %(first)s and %(last)s;

-- name: lock_users
-- So that nothing can come to refer to them before they are removed.
select {key}
from {users}
where {key}::{ordered} between %(first)s and %(last)s
for update;

-- name: seeded_users
-- The same without locks, which Citus takes for one shard at a time only.
select {key}
from {users}
where {key}::{ordered} between %(first)s and %(last)s;

-- name: lock_users_of_shard
select {key}
from {users}
where {key} = any(%(ids)s::{user_type}[])
for update;

-- name: lock_memories
select
from {schema}.memories
where id between %(first)s and %(last)s
for update;

-- name: owners_of_memories
select distinct user_id
from {schema}.memories
where id between %(first)s and %(last)s;

-- name: lock_memories_of_shard
select id
from {schema}.memories
where id between %(first)s and %(last)s and user_id = any(%(ids)s::{user_type}[])
for update;

-- name: remove_memories
delete from {schema}.memories as target
where id between %(first)s and %(last)s and id <> all(%(mentioned)s::uuid[]);

-- name: remaining_memories
select id
from {schema}.memories
where id between %(first)s and %(last)s;

-- name: remove_users
delete from {users} as target
where
    {key} = any(%(ids)s::{user_type}[]) and {key} <> all(%(mentioned)s::{user_type}[])
    and not exists (
        select from {schema}.memories as memory
        where memory.user_id = target.{key}
    );

-- name: remove_copied_users
-- The same where each server of a cluster has a copy of users, which no other table may be asked for meanwhile: those to
-- whom something refers are among the mentioned.
delete from {users} as target
where {key} = any(%(ids)s::{user_type}[]) and {key} <> all(%(mentioned)s::{user_type}[]);

-- name: referring_columns
-- Columns with a foreign key of their own to a table.
select
    n.nspname::text,
    c.relname::text,
    a.attname::text
from pg_constraint as f
inner join pg_class as c on f.conrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as a on f.conrelid = a.attrelid and f.conkey[1] = a.attnum
where f.contype = 'f' and f.conparentid = 0 and f.confrelid = %s::oid and cardinality(f.conkey) = 1
order by n.nspname, c.relname, a.attname;

-- name: marked_by_earlier_versions
-- Rows that say in their metadata that memdb seeded them, as earlier versions had it; anybody may have written that. And
-- a statement that shows them.
select
    count(*) as memories,
    count(distinct user_id) filter (where metadata @> '{"seeded": {"user_created": true}}') as users,
    format(
        'select id, user_id, metadata, content from %%s where metadata @> %%L',
        %(memories)s::oid::regclass,
        '{"seeded": {"by": "memdb"}}'
    ) as statement
from {schema}.memories
where metadata @> '{"seeded": {"by": "memdb"}}';
