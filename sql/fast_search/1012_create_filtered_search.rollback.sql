-- As 1007 has it.
create or replace function search_memories(
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
begin atomic

    with given as materialized (
        select
            user_id,
            embedding::vector(1536) as embedding,
            vector_norm(embedding::vector(1536)) as norm,
            coalesce(k, 10) as places,
            tiers,
            max_distance,
            metadata,
            candidates
    ),

    -- Nothing is near an embedding of zeros. If the squares of an embedding overflow or underflow single precision, its
    -- direction is used instead. With OFFSET, each value is computed once, without a copy of the embedding.
    question as (
        select
            g.user_id,
            g.places,
            g.tiers,
            g.max_distance,
            g.metadata,
            g.candidates,
            g.places <= 10 and g.candidates is null as usual,
            case
                when g.norm between 1e-15 and 1e15 then g.embedding
                when g.norm > 0 then l2_normalize(g.embedding)
            end as embedding,
            g.metadata is null and exists (
                select
                from memories as m
                where m.user_id between g.user_id and g.user_id
                order by m.user_id
                limit 1 offset 250
            ) as by_signature
        from given as g
        offset 0 -- noqa: AM09
    )

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.distance
    from question as q
    cross join
        lateral (
            -- A filter by metadata has to read every row, and the embedding with it, so then all of them are compared.
            select
                m.id,
                m.content,
                m.memory_type,
                m.metadata,
                cosine_distance(m.embedding, q.embedding) as distance
            from (
                select
                    m.id,
                    m.content,
                    m.memory_type,
                    m.metadata,
                    m.embedding,
                    m.signature
                from memories as m
                where m.user_id between q.user_id and q.user_id
                order by m.user_id
                limit case when q.metadata is null then 250 end
            ) as m
            where
                not q.by_signature
                and m.signature is not null
                and (q.tiers is null or m.memory_type = any(q.tiers))
                and (q.metadata is null or m.metadata @> q.metadata)
            union all
            select
                s.id,
                s.content,
                s.memory_type,
                s.metadata,
                s.distance
            from search_memories_by_signature(q.user_id, q.embedding, q.places, q.tiers) as s
            where q.by_signature and q.usual
            union all
            select
                s.id,
                s.content,
                s.memory_type,
                s.metadata,
                s.distance
            from search_memories_in_widths(q.user_id, q.embedding, q.places, q.tiers, q.candidates) as s
            where q.by_signature and not q.usual
        ) as f
    where q.embedding is not null and (q.max_distance is null or f.distance <= q.max_distance)
    order by f.distance, f.id
    limit coalesce(k, 10);

end;

-- Replacing a function takes its settings off. Where 1010 is applied, it has fixed the search_path of all alike.
do $$
begin
    if exists (
        select
        from pg_proc
        where
            oid = 'search_memories_in_widths(uuid, vector, integer, memory_type[], integer)'::regprocedure
            and 'search_path=""' = any(proconfig)
    ) then
        alter function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer)
        set search_path = '';
    end if;
end
$$;

drop function search_memories_where(
    user_id uuid,
    embedding vector,
    condition jsonpath,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    candidates integer
);
drop function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath);
