-- Some memories of a user, from the shard of that user: for a statement that calls search_memories and wants more of
-- what it finds. A distributed database sends a whole statement to a shard, where there are no such functions.
select set_config('citus.enable_ddl_propagation', 'off', true);

create function memories_with_ids(owner uuid, ids uuid[])
returns table (
    id uuid,
    user_id uuid,
    memory_type memory_type,
    content text,
    metadata jsonb,
    created_at timestamptz,
    accessed_at timestamptz
)
language plpgsql stable parallel restricted rows 10
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select
        m.id,
        m.user_id,
        m.memory_type,
        m.content,
        m.metadata,
        m.created_at,
        m.accessed_at
    from memories as m
    where m.user_id = owner and m.id = any(ids);
end;
$$;

comment on function memories_with_ids(uuid, uuid[]) is
'Those of a user''s memories that have one of these ids, without their embeddings: from one shard.';

select memory_fix_search_paths(
    'memories_with_ids(uuid, uuid[])'
);
