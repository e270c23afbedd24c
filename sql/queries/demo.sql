-- What memdb demo shows. {schema} and {vector} are where memories and the extension live.

-- name: search
-- A personal memory of the user who has most, and the four memories nearest to it; the first row is itself.
with largest as (
    select user_id
    from {schema}.memories
    group by user_id
    order by count(*) desc
    limit 1
),

question as (
    select
        user_id,
        embedding
    from {schema}.memories
    where user_id = (select user_id from largest) and memory_type = 'personal'
    order by created_at desc
    limit 1
)

select
    m.embedding operator ({vector}.<=>) (select embedding from question) as distance,
    m.memory_type::text,
    m.content
from {schema}.memories as m
where m.user_id = (select user_id from question)
order by m.embedding operator ({vector}.<=>) (select embedding from question)
limit 5;

-- name: remember
-- Memories of a new user, without embeddings; whose they are.
with made as (
    insert into {schema}.users default values
    returning id
),

stored as (
    insert into {schema}.memories (user_id, memory_type, content)
    select
        u.id,
        t.tier::{schema}.memory_type,
        t.content
    from made as u
    cross join unnest(%(tiers)s::text[], %(contents)s::text[]) as t (tier, content)
)

select u.id
from made as u;
