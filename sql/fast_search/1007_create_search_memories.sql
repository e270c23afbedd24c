-- Similarity search within one user's memories: exact for few memories, by signature first for many.
--
-- As in 1006, names keep their meaning with any search_path, and parameters stand in subqueries.
-- cosine_distance is what <=> stands for; as no index serves it, no plan can lose rows in the HNSW index.
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
