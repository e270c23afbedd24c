-- The same for search_memories_where of 1016, which search_memories calls. Each question is a way to another server and
-- back: so a plain query that compares all of a user's memories asks along whether they are few. If it finds nothing,
-- because they are many or none fits, the others are asked.
-- alongside: fast_search
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4023_search_on_one_shard',
    'search_memories_where(uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer)'
);

create function search_memories_if_few(
    owner uuid,
    asked vector,
    places integer,
    tiers memory_type[],
    contained jsonb,
    condition jsonpath,
    few bigint
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language plpgsql stable parallel restricted rows 10
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(select h.memory_id from memories_hidden(owner) as h);
begin
    return query
    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        cosine_distance(m.embedding, asked) as distance
    from memories as m
    where
        m.user_id = owner
        and m.signature is not null
        and (tiers is null or m.memory_type = any(tiers))
        and (contained is null or m.metadata @> contained)
        and (condition is null or coalesce(m.metadata, '{}') @@ condition)
        and m.id <> all(hidden)
        and not exists (
            select from memories as o
            where o.user_id = owner
            limit 1 offset few -- noqa: AM09
        )
    order by distance, m.id
    limit places;
end;
$$;

comment on function search_memories_if_few(uuid, vector, integer, memory_type[], jsonb, jsonpath, bigint) is
'Part of search_memories_of_user: compares all memories of a user who has up to few; of others, it finds none.';

create function search_memories_of_user(
    owner uuid,
    embedding vector,
    places integer,
    tiers memory_type[],
    contained jsonb,
    condition jsonpath,
    candidates integer,
    few bigint
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language plpgsql stable parallel restricted rows 10
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    given constant vector(1536) := embedding;
    norm constant double precision := vector_norm(given);
    -- Nothing is near an embedding of zeros. If the squares of an embedding overflow or underflow single precision, its
    -- direction is used instead.
    asked constant vector(1536) := case
        when norm between 1e-15 and 1e15 then given
        when norm > 0 then l2_normalize(given)
    end;
begin
    if asked is null then
        return;
    end if;
    return query
    select f.* from search_memories_if_few(owner, asked, places, tiers, contained, condition, few) as f;
    if found or places = 0 then
        return;
    elsif contained is not null or condition is not null then
        return query
        select f.* from search_memories_filtered(owner, asked, places, tiers, candidates, contained, condition) as f;
    elsif places <= 10 and candidates is null then
        return query
        select f.* from search_memories_by_signature(owner, asked, places, tiers) as f;
    else
        return query
        select f.* from search_memories_in_widths(owner, asked, places, tiers, candidates) as f;
    end if;
end;
$$;

comment on function search_memories_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath, integer, bigint) is
'Part of search_memories_where: reads one shard. Up to few memories, all are compared.';

create or replace function search_memories_where(
    user_id uuid,
    embedding vector,
    condition jsonpath,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    candidates integer default null
)
returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)
language sql stable parallel restricted rows 10
begin atomic

    select
        f.id,
        f.content,
        f.memory_type,
        f.metadata,
        f.distance
    from
        search_memories_of_user(
            user_id,
            embedding,
            coalesce(k, 10),
            tiers,
            metadata,
            condition,
            candidates,
            case when metadata is null and condition is null then 250 else 1024 end
        ) as f
    where max_distance is null or f.distance <= max_distance
    order by f.distance, f.id;

end;

select memory_fix_search_paths(
    'search_memories_if_few(uuid, vector, integer, memory_type[], jsonb, jsonpath, bigint)',
    'search_memories_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath, integer, bigint)'
);
