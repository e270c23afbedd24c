-- The same for memories_in_collection of 3707 and search_memories_in_collection of 3708.
-- alongside: collections
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4027_search_collections_on_one_shard',
    'memories_in_collection(uuid, uuid)',
    'search_memories_in_collection'::regproc
);

create function memories_hidden_in_collections_of_user(owner uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select null::uuid as memory_id
    where false;

end;

comment on function memories_hidden_in_collections_of_user(owner uuid) is
'Part of memories_in_collection and search_memories_in_collection: which memories of a user are not to be found.';

create or replace function memories_in_collection(user_id uuid, collection_id uuid)
returns table (
    id uuid,
    content text,
    memory_type memory_type,
    metadata jsonb,
    created_at timestamptz,
    added_at timestamptz
)
language plpgsql stable parallel restricted
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_in_collections_of_user(memories_in_collection.user_id) as h
    );
begin
    return query
    select
        m.id,
        m.content,
        m.memory_type,
        m.metadata,
        m.created_at,
        c.added_at
    from memory_collection_members as c
    inner join memories as m on c.user_id = m.user_id and c.memory_id = m.id
    where
        c.user_id = memories_in_collection.user_id
        and c.collection_id = memories_in_collection.collection_id
        and c.memory_id <> all(hidden);
end;
$$;

create function search_collection_of_user(
    owner uuid,
    embedding vector,
    collection_id uuid,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    contained jsonb,
    condition jsonpath
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
    asked constant vector(1536) := case
        when norm between 1e-15 and 1e15 then given
        when norm > 0 then l2_normalize(given)
    end;
    hidden constant uuid[] := array(select h.memory_id from memories_hidden_in_collections_of_user(owner) as h);
begin
    if asked is null then
        return;
    end if;
    return query
    select f.*
    from (
        select
            m.id,
            m.content,
            m.memory_type,
            m.metadata,
            cosine_distance(m.embedding, asked) as distance
        from memory_collection_members as c
        inner join memories as m on c.user_id = m.user_id and c.memory_id = m.id
        where
            c.user_id = owner
            and c.collection_id = search_collection_of_user.collection_id
            and c.memory_id <> all(hidden)
            and (tiers is null or m.memory_type = any(tiers))
            and (contained is null or m.metadata @> contained)
            and (condition is null or coalesce(m.metadata, '{}') @@ condition)
    ) as f
    where f.distance <= max_distance
    order by f.distance, f.id
    limit k;
end;
$$;

comment on function search_collection_of_user(
    uuid, vector, uuid, integer, memory_type[], double precision, jsonb, jsonpath
) is
'Part of search_memories_in_collection: reads one shard.';

create or replace function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer default 10,
    tiers memory_type[] default null,
    max_distance double precision default null,
    metadata jsonb default null,
    condition jsonpath default null
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
        search_collection_of_user(
            user_id,
            embedding,
            collection_id,
            coalesce(k, 10),
            tiers,
            coalesce(max_distance, 2),
            search_memories_in_collection.metadata,
            condition
        ) as f;

end;

select memory_fix_search_paths(
    'memories_in_collection(uuid, uuid)',
    'search_collection_of_user(uuid, vector, uuid, integer, memory_type[], double precision, jsonb, jsonpath)'
);
