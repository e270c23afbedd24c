-- What the coordinator of a Citus cluster knows: only asked where the extension is. All of its tables and functions are
-- in pg_catalog. https://docs.citusdata.com/en/stable/develop/api_metadata.html

-- name: cluster
-- The number of this server's group, 0 for the coordinator, and all servers that the cluster has, also those that were
-- taken out of use.
select
    (select l.groupid from pg_dist_local_group as l) as own_group,
    coalesce(
        (
            select
                jsonb_agg(
                    jsonb_build_object(
                        'id', n.nodeid,
                        'group', n.groupid,
                        'host', n.nodename,
                        'port', n.nodeport,
                        'is_active', n.isactive,
                        'keeps_shards', n.shouldhaveshards
                    )
                    order by n.groupid, n.nodeid
                )
            from pg_dist_node as n
            where n.noderole = 'primary'
        ),
        '[]'
    ) as nodes;

-- name: tables
-- Tables that are spread over the cluster by a column, and those of which each server has a copy, which have none.
select
    t.logicalrelid::oid::bigint as oid,
    n.nspname::text as schema,
    c.relname::text as name,
    case when t.partmethod = 'h' then column_to_column_name(t.logicalrelid, t.partkey) end as by,
    t.colocationid as colocation,
    (
        select count(*) from pg_dist_shard as s
        where s.logicalrelid = t.logicalrelid
    ) as shards
from pg_dist_partition as t
inner join pg_class as c on t.logicalrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where t.partmethod = 'h' or t.repmodel = 't'
order by n.nspname, c.relname;

-- name: unheld
-- Foreign keys of tables that are on this server alone to tables whose rows are in shards: who deletes there does not
-- look here.
select
    k.conname::text as name,
    k.conrelid::regclass::text as child,
    k.confrelid::regclass::text as parent,
    a.attname::text as by
from pg_constraint as k
inner join pg_dist_partition as t on k.confrelid = t.logicalrelid and t.partmethod = 'h'
inner join pg_attribute as a on k.conrelid = a.attrelid and k.conkey[1] = a.attnum
where
    k.contype = 'f'
    and not exists (
        select from pg_dist_partition as p
        where p.logicalrelid = k.conrelid
    )
    and not relation_is_a_known_shard(k.conrelid)
order by k.conrelid::regclass::text, k.conname;

-- name: reachable
select citus_check_connection_to_node(%s, %s);

-- name: unplaced
-- Shards of these tables of which no server has a copy that can be used.
select
    s.logicalrelid::oid::bigint,
    count(*)
from pg_dist_shard as s
where
    s.logicalrelid = any(%s::oid[])
    and not exists (
        select 1
        from pg_dist_placement as p
        inner join pg_dist_node as n on p.groupid = n.groupid
        where p.shardid = s.shardid and p.shardstate = 1 and n.isactive
    )
group by s.logicalrelid
order by s.logicalrelid;

-- name: by_shard
-- Values of the column by which a table is spread, those of one shard together.
select array_agg(v.value)
from unnest(%(values)s::{type}[]) as v (value)
group by get_shard_id_for_distribution_column(%(table)s::oid::regclass, v.value);

-- name: on_shards
-- What a statement, in which %%s stands for the shard, answers on each shard of a table: its number, and whether it was
-- answered at all. Workers know nothing of this session's search_path.
select
    r.shardid::bigint,
    r.success,
    r.result
from run_command_on_shards(%s::oid::regclass, %s) as r
order by r.shardid;

-- name: on_workers
select
    r.nodename,
    r.nodeport,
    r.success,
    r.result
from run_command_on_workers(%s) as r
order by r.nodename, r.nodeport;

-- name: shard
-- Sent to each shard of a table, by its name: what it holds and takes, in bytes, and its indexes.
select
    pg_catalog.json_build_object(
        'bytes', pg_catalog.pg_table_size(c.oid),
        'toast', coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
        'rows', c.reltuples,
        'pages', c.relpages,
        'visible_pages', c.relallvisible,
        'live', pg_catalog.pg_stat_get_live_tuples(c.oid),
        'dead', pg_catalog.pg_stat_get_dead_tuples(c.oid),
        'scans', pg_catalog.pg_stat_get_numscans(c.oid),
        'indexes', (
            select
                coalesce(
                    pg_catalog.json_agg(
                        pg_catalog.json_build_object(
                            'name', x.relname,
                            'valid', i.indisvalid and i.indisready,
                            'bytes', pg_catalog.pg_relation_size(x.oid),
                            'rows', x.reltuples,
                            'scans', pg_catalog.pg_stat_get_numscans(x.oid)
                        )
                    ),
                    '[]'
                )
            from pg_catalog.pg_index as i
            inner join pg_catalog.pg_class as x on i.indexrelid operator(pg_catalog.=) x.oid -- noqa: LT01
            where i.indrelid operator(pg_catalog.=) c.oid -- noqa: LT01
        )
    )
from pg_catalog.pg_class as c
where c.oid operator(pg_catalog.=) '%s'::pg_catalog.regclass; -- noqa: LT01

-- name: prepared
-- Sent to each worker: two-phase commits of this database that have waited for their end for a minute, which is how
-- often the coordinator ends what it has left.
select pg_catalog.count(*)
from pg_catalog.pg_prepared_xacts as p
where
    p.gid operator(pg_catalog.~) '^citus_' -- noqa: LT01
    and p.database operator(pg_catalog.=) pg_catalog.current_database() -- noqa: LT01
    and p.prepared operator(pg_catalog.<) (pg_catalog.now() operator(pg_catalog.-) interval '2 minutes'); -- noqa: LT01

-- name: session
-- What a session of this server, by its pid, is called on the workers on which it has work done.
select 'citus_internal gpid=' || (citus_backend_gpid() - pg_backend_pid() + %s);

-- name: index_builds
-- Sent to each worker, with that name: the shards of which an index is being built, and how far that is.
select
    coalesce(
        pg_catalog.json_agg(
            pg_catalog.json_build_array(
                c.relname, p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total
            )
        ),
        '[]'
    )
from pg_catalog.pg_stat_progress_create_index as p
inner join pg_catalog.pg_stat_activity as a on p.pid operator(pg_catalog.=) a.pid -- noqa: LT01
inner join pg_catalog.pg_class as c on p.relid operator(pg_catalog.=) c.oid -- noqa: LT01
where a.application_name operator(pg_catalog.=) '{session}'; -- noqa: LT01, PRS

-- name: extensions
select
    x.extname::text,
    x.extversion
from pg_extension as x
where x.extname = any(%s)
order by x.extname;

-- name: extension
-- Sent to each worker: the release of an extension there.
select x.extversion
from pg_catalog.pg_extension as x
where x.extname operator(pg_catalog.=) '{extension}'; -- noqa: LT01, PRS
