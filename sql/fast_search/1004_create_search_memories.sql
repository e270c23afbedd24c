-- Similarity search within one user's memories: exact for few memories, by signature first for many.
--
-- Bodies in the standard's form are parsed when a function is created: names keep their meaning wherever the table and
-- the extension live, with any search_path. Parameters stand in subqueries: each is evaluated once, and as the planner
-- cannot look through them, a plan is the same for every user, so that PostgreSQL 18 keeps it from call to call.
-- cosine_distance is what <=> stands for; as no index serves it, no plan can lose rows in the HNSW index.

-- The search for users of many memories. What is nearest by signature is compared by distance: all that is within 45
-- bits (the root of 2048, what chance makes of the difference) of the k-th, but 1,000 at most. So an easy question
-- costs some 60 comparisons by distance, and one that has no near answer gets as many as it needs.
create function search_memories_by_signature(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    metadata jsonb,
    candidates integer
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
set search_path = ''
begin atomic

    with asked as materialized (
        select
            search_memories_by_signature.user_id as owner,
            search_memories_by_signature.metadata as facts,
            memory_signature(embedding)::bit(2048) as bits,
            greatest(k, coalesce(candidates, greatest(1000, 20 * k))) as depth
    ),

    -- The same twice: with a condition on metadata, the index alone could not answer the first.
    near as materialized (
        (
            select
                m.id,
                hamming_distance(m.signature, (select a.bits from asked as a)) as differing
            from memories as m
            where
                m.user_id = (select a.owner from asked as a)
                and (select a.facts is null from asked as a)
                and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
                and m.signature is not null
            order by differing
            limit (select a.depth from asked as a)
        )
        union all
        (
            select
                m.id,
                hamming_distance(m.signature, (select a.bits from asked as a)) as differing
            from memories as m
            where
                m.user_id = (select a.owner from asked as a)
                and m.metadata @> (select a.facts from asked as a)
                and (select a.facts is not null from asked as a)
                and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
                and m.signature is not null
            order by differing
            limit (select a.depth from asked as a)
        )
    ),

    reach as materialized (
        select max(n.differing) + 45 as differing
        from (
            select near.differing
            from near
            order by near.differing
            limit greatest(k, 10)
        ) as n
        where candidates is null and (select count(*) from near) > 250
    ),

    -- One look-up for each memory: a join could read the whole table instead.
    ranked as materialized (
        select
            n.id,
            e.distance
        from near as n
        cross join
            lateral (
                select cosine_distance(m.embedding, (select search_memories_by_signature.embedding)) as distance
                from memories as m
                where m.id = n.id
                order by m.id
                limit 1
            ) as e
        where n.differing <= coalesce((select r.differing from reach as r), n.differing)
        order by e.distance
        limit k
    )

    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        r.distance
    from ranked as r
    cross join lateral (
        select
            t.id,
            t.content,
            t.memory_type,
            t.metadata
        from memories as t
        where t.id = r.id
        order by t.id
        limit 1
    ) as m;

end;

comment on function search_memories_by_signature(uuid, vector, integer, memory_type[], jsonb, integer) is
'Part of search_memories, for users of many memories: the nearest by signature, compared by distance.';

create function search_memories(
    user_id uuid,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    candidates integer default null
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel safe rows 10
set search_path = ''
begin atomic

    -- How many memories there are, up to 251. A range that holds one user, in the order of an index: a plan made for
    -- users in general might read the whole table for the few memories of this one.
    with held as materialized (
        select count(*) as memories
        from (
            select m.user_id
            from memories as m
            where m.user_id between (select search_memories.user_id) and (select search_memories.user_id)
            order by m.user_id
            limit 251
        ) as first
    ),

    found as (
        select
            m.id,
            m.content,
            m.memory_type,
            m.metadata,
            cosine_distance(m.embedding, (select search_memories.embedding::vector(1536))) as distance
        from memories as m
        where
            (select h.memories <= 250 from held as h)
            and m.user_id between (select search_memories.user_id) and (select search_memories.user_id)
            and m.embedding is not null
            and ((select tiers is null) or m.memory_type = any((select tiers)::memory_type[]))
            and ((select search_memories.metadata is null) or m.metadata @> (select search_memories.metadata))
        union all
        select
            s.id,
            s.content,
            s.memory_type,
            s.metadata,
            s.distance
        from
            search_memories_by_signature(
                search_memories.user_id,
                search_memories.embedding::vector(1536),
                coalesce(k, 10),
                tiers,
                search_memories.metadata,
                candidates
            ) as s
        where (select h.memories > 250 from held as h)
    ),

    nearest as (
        select
            f.id,
            f.content,
            f.memory_type,
            f.metadata,
            f.distance
        from found as f
        where (select search_memories.embedding is not null)
        order by f.distance
        limit (select coalesce(k, 10))
    )

    select
        n.id,
        n.content,
        n.memory_type,
        n.metadata,
        n.distance
    from nearest as n
    where (select max_distance is null) or n.distance <= (select max_distance)
    order by n.distance;

end;

comment on function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer) is
'The k memories of a user that are nearest to an embedding, nearest first, by cosine distance: of these tiers, no '
'farther than max_distance and with this metadata, where given. candidates: how many are compared by distance; as many '
'as it takes, if null.';

comment on index ix_memories_signature is
'All signatures of a user, with what a search needs besides: search_memories reads this instead of the table.';
