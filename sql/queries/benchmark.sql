-- What benchmark-similarity reads. It writes nothing.
--
-- Blocks with %(name)s are run through the driver's own parameters. Blocks with $1 … $4 are prepared statements,
-- all with the same parameters: the user, the query's embedding, the memory that the embedding is of, and k.

-- name: find_vector
-- Puts the extension's schema last on the search_path of this transaction, so that <=> is found wherever it
-- lives. No row: there is no extension.
select
    e.extversion,
    set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(n.nspname)), true)
from pg_extension as e
inner join pg_namespace as n on e.extnamespace = n.oid
where e.extname = 'vector'

-- name: similar
-- The story's query, with what an application shows of a memory; "distance" below is embedding <=> $2 itself, so
-- an index can serve the order.
select
    id,
    content,
    memory_type,
    metadata,
    embedding <=> $2 as distance
from memories
where user_id = $1 and id <> $3
order by distance
limit $4

-- name: truth
-- The true distances, nearest first. No index can serve an order by a sum, so this is exact whatever the settings.
select (embedding <=> $2) + 0 as distance
from memories
where user_id = $1 and id <> $3
order by distance
limit $4

-- name: sizes
-- Users by the order of magnitude of what they hold. Only memories with an embedding count.
with holdings as (
    select
        user_id,
        count(*) as memories
    from memories
    where embedding is not null and (%(user)s::uuid is null or user_id = %(user)s)
    group by user_id
)

select
    floor(log(memories))::int as magnitude,
    count(*) as users,
    count(*) filter (where memories = 1) as lone_users,
    sum(memories)::bigint as memories,
    max(memories) as largest
from holdings
group by magnitude
order by magnitude

-- name: sample
-- From each order of magnitude its quota of memories, each memory as likely as any other of its class: the lowest
-- hashes of the ids, which is random, yet the same for the same seed and rows wherever the rows lie.
with holdings as (
    select
        user_id,
        count(*) as memories
    from memories
    where embedding is not null and (%(user)s::uuid is null or user_id = %(user)s)
    group by user_id
    having count(*) > 1
),

ranked as (
    select
        m.id,
        h.memories,
        q.quota,
        uuid_hash_extended(m.id, %(random_seed)s) as lot,
        row_number() over (partition by q.magnitude order by uuid_hash_extended(m.id, %(random_seed)s), m.id) as place
    from memories as m
    inner join holdings as h on m.user_id = h.user_id
    inner join unnest(%(magnitudes)s::int[], %(quotas)s::int[]) as q (magnitude, quota)
        on q.magnitude = floor(log(h.memories))
    where m.embedding is not null
)

select
    m.user_id,
    m.id,
    m.embedding,
    r.memories
from ranked as r
inner join memories as m on r.id = m.id
where r.place <= r.quota
order by r.lot, r.id

-- name: count_of_user
select count(*)
from memories
where user_id = %s

-- name: access_methods
select
    c.relname,
    a.amname
from pg_class as c
inner join pg_am as a on c.relam = a.oid
where c.relkind in ('i', 'I') and c.relname = any(%s)

-- name: settings
select
    name,
    current_setting(name, true)
from unnest(%s::text[]) as name
