-- How rows are loaded into memories, and how exactly those are found and removed again.
--
-- A seeded memory says so in its metadata: "seeded": {"by": "memdb", "user_created": true or false}.

-- name: tables
select
    to_regclass('memories') is not null,
    to_regclass('users') is not null;

-- name: settings
-- Under row-level security, rows that this role may not see would look as if they were not there; and a limit
-- meant for an application's queries is too short for building an index.
set local row_security = off;
set local statement_timeout = 0;

-- name: one_at_a_time
-- Two loads must not both find the table empty. Held until the transaction ends, so poolers do not break it.
select pg_advisory_xact_lock(hashtextextended('memdb seed', 0));

-- name: state
select
    exists(select from memories),
    now();

-- name: add_users
-- Those of the given users that are not there yet, without touching those that are.
insert into users (id)
select wanted.id
from unnest(%s::uuid[]) as wanted (id)
where
    not exists (
        select from users
        where users.id = wanted.id
    )
on conflict do nothing
returning id;

-- name: made_by_an_earlier_load
select distinct user_id
from memories
where user_id = any(%s) and metadata @> '{"seeded": {"by": "memdb", "user_created": true}}';

-- name: copy
copy memories (id, user_id, created_at, accessed_at, embedding, memory_type, content, metadata)
from stdin (format binary); -- noqa: PRS

-- name: vector_indexes
-- With the statements that drop each and make it again with its comment. Left as they are: indexes in another
-- tablespace, which pg_get_indexdef does not tell, and those of partitions.
select
    c.relname,
    format('drop index %s', c.oid::regclass),
    pg_get_indexdef(c.oid) || coalesce(
        format('; comment on index %s is %L', c.oid::regclass, obj_description(c.oid, 'pg_class')), ''
    )
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_am as am on c.relam = am.oid
where
    i.indrelid = to_regclass('memories') and i.indisvalid
    and am.amname in ('hnsw', 'ivfflat')
    and c.relkind = 'i' and not c.relispartition and c.reltablespace = 0
    and pg_has_role(c.relowner, 'usage')
order by c.relname;

-- name: vacuum
-- The planner gets its statistics, and indexes may be trusted alone: until a vacuum has seen a row, each search that
-- could do with an index looks at the table as well.
vacuum (analyze) memories;

-- name: not_referenced
-- For each foreign key that refers to a table: the condition that no row refers to the row "target".
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
where con.contype = 'f' and con.conparentid = 0 and con.confrelid = to_regclass(%s)
group by con.oid, con.conrelid;

-- name: lock_created_users
-- Locks them, so that nothing can come to refer to them before they are removed.
select id
from users
where
    id in (
        select user_id
        from memories
        where metadata @> '{"seeded": {"by": "memdb", "user_created": true}}'
    )
for update;

-- name: remove_memories
delete from memories as target
where metadata @> '{"seeded": {"by": "memdb"}}';

-- name: remaining_memories
select count(*)
from memories
where metadata @> '{"seeded": {"by": "memdb"}}';

-- name: remove_users
delete from users as target
where id = any(%s);
