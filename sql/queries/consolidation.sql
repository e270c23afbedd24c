-- What a worker asks of the functions of the set consolidation. {schema} is where memories live.

-- name: written
-- Those of these tables that are beside memories.
select t.oid::bigint
from pg_class as c
inner join pg_class as t on c.relnamespace = t.relnamespace
where c.oid = %(memories)s::oid and t.relname = any(%(tables)s::text[]);

-- name: propose
-- How many jobs were made of the first of what is proposed.
select count({schema}.enqueue_consolidation(p.user_id, p.memory_ids)) -- noqa: PRS
from (
    select
        c.user_id,
        c.memory_ids
    from {schema}.consolidation_proposals() as c -- noqa: PRS
    limit %(batch)s -- noqa: AM09
) as p;

-- name: claim
select
    c.job_id,
    c.token,
    c.memories::text
from {schema}.claim_consolidation(%(worker)s::text, make_interval(secs => %(seconds)s::float8), 1) as c; -- noqa: PRS

-- name: complete
select
    {schema}.complete_consolidation( -- noqa: PRS
        %(job)s::uuid,
        %(token)s::uuid,
        %(summary)s::text,
        %(embedding)s::real[]::{embedding_type},
        %(metadata)s::text::jsonb
    );

-- name: fail
select {schema}.fail_consolidation(%(job)s::uuid, %(token)s::uuid, %(error)s::text); -- noqa: PRS

-- name: standing
-- How many jobs are set aside, and how many summaries tell of something that is gone or has changed.
select
    (
        select count(*) from {schema}.memory_consolidation_jobs as j -- noqa: PRS
        where j.set_aside_at is not null
    ),
    (select count(*) from {schema}.stale_summaries());
