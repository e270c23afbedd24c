-- What memdb prune asks beside the functions of the set retention. {schema} is where memories live.

-- name: prune
select
    p.memory_type::text,
    p.rule,
    p.memories
from {schema}.prune_memories(%s::integer) as p; -- noqa: PRS

-- name: due
select
    d.memory_type::text,
    d.rule,
    count(*)
from {schema}.memories_due() as d -- noqa: PRS
group by d.memory_type, d.rule
order by d.memory_type, d.rule;

-- name: standing
-- The tiers whose rule for idle memories does not count, and how many memories are to be looked at.
select
    array(
        select r.memory_type::text
        from {schema}.memory_retention_rules as r -- noqa: PRS
        where r.idle_for is not null and not {schema}.memories_are_recalled()
        order by r.memory_type
    ),
    (
        select count(*)
        from {schema}.memory_retention as r
        where r.review_at <= now()
    );

-- name: upkeep
-- Statements, to be run in this order, each by itself.
select u.statement
from (
    select
        1 as place,
        format('reindex index concurrently %%s;', i.indexrelid::regclass) as statement
    from pg_index as i
    inner join pg_class as x on i.indexrelid = x.oid
    inner join pg_am as a on x.relam = a.oid
    where i.indrelid = %(memories)s::oid and a.amname = 'hnsw'
    union all
    select
        2 as place,
        format('vacuum (analyze) %%s;', %(memories)s::oid::regclass) as statement
) as u
inner join pg_class as c on c.oid = %(memories)s::oid
where %(deleted)s > 0 and %(deleted)s >= %(share)s::float8 * (greatest(c.reltuples, 0))
order by u.place, u.statement;
