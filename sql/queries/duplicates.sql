-- What memdb duplicates asks beside the functions of the set deduplication. {schema} is where memories live.

-- name: users_of_exact
-- Users who have memories that say the same.
select distinct d.user_id
from (
    select m.user_id
    from {schema}.memories as m -- noqa: PRS
    where %(user)s::{user_type} is null or m.user_id = %(user)s::{user_type}
    group by m.user_id, {schema}.memory_content_key(m.content)
    having count(*) > 1
) as d
order by d.user_id;

-- name: users_of_embeddings
-- Users who have several memories with embeddings of the model that answers.
select m.user_id
from {schema}.memories as m -- noqa: PRS
cross join {schema}.memory_embedding_for_duplicates(m.id, m.embedding) as e
where e.compared is not null and (%(user)s::{user_type} is null or m.user_id = %(user)s::{user_type})
group by m.user_id
having count(*) > 1
order by m.user_id;

-- name: users_of_embeddings_in_shards
-- The same where memories are distributed: shards do not know the function, and compare what is in memories.
select m.user_id
from {schema}.memories as m -- noqa: PRS
where m.embedding is not null and (%(user)s::{user_type} is null or m.user_id = %(user)s::{user_type})
group by m.user_id
having count(*) > 1
order by m.user_id;

-- name: has_memories
select m.id
from {schema}.memories as m -- noqa: PRS
where m.user_id = %(user)s::{user_type}
limit 1; -- noqa: AM09

-- name: exact
select d.memory_ids from {schema}.exact_duplicates(%(user)s::{user_type}) as d; -- noqa: PRS

-- name: calibration
select
    d.memories,
    d.random,
    d.neighbour,
    d.same_text,
    d.max_distance
from {schema}.near_duplicate_distance(%(user)s::{user_type}) as d; -- noqa: PRS

-- name: near
select
    n.memory_id,
    n.duplicate_id,
    n.distance
from {schema}.near_duplicates(%(user)s::{user_type}, %(max_distance)s::double precision) as n; -- noqa: PRS

-- name: members
-- In the order of the ids. Times beyond what Python can hold are told as the first and the last that it can.
select
    m.id,
    m.memory_type::text,
    left(m.content, 500),
    least(greatest(m.created_at, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    {schema}.memory_content_key(m.content)
from unnest(%(ids)s::uuid[]) with ordinality as g (id, place) -- noqa: PRS
inner join {schema}.memories as m on g.id = m.id
where m.user_id = %(user)s::{user_type}
order by g.place;

-- name: tiers
select
    m.memory_type::text,
    count(*)
from {schema}.memories as m -- noqa: PRS
where m.user_id = %(user)s::{user_type} and m.id = any(%(ids)s::uuid[])
group by m.memory_type;

-- name: lock
-- Those that still say what they said.
select m.id
from {schema}.memories as m -- noqa: PRS
where m.id = any(%(ids)s::uuid[]) and {schema}.memory_content_key(m.content) = any(%(keys)s::uuid[])
order by m.id
for update;

-- name: merge
select
    m.kept_id,
    m.memory_type::text
from {schema}.merge_memories(%(user)s::{user_type}, %(ids)s::uuid[], %(only_exact)s::boolean) as m; -- noqa: PRS

-- name: merge_exact
select
    m.kept_id,
    m.memory_type::text
from {schema}.merge_exact_duplicates(%(user)s::{user_type}, %(batch)s::integer) as m; -- noqa: PRS

-- name: owner
-- Whose a memory is, also if it is archived.
select m.user_id
from {schema}.memories as m -- noqa: PRS
where m.id = %(memory_id)s::uuid
union all
select a.user_id
from {schema}.memory_archive as a
where a.id = %(memory_id)s::uuid
limit 1; -- noqa: AM09

-- name: unmerge
select u.restored_id
from {schema}.unmerge_memories(%(user)s::{user_type}, %(memory_id)s::uuid) as u; -- noqa: PRS
