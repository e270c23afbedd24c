-- search_memories_if_few of 4023 leaves out what has expired in the same question to the shard.
-- alongside: fast_search retention
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4033_hide_expired_of_few', 'search_memories_if_few'::regproc);

create or replace function search_memories_if_few(
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
        and not exists (
            select from memory_retention as r
            where r.user_id = owner and r.memory_id = m.id and r.expires_at <= statement_timestamp()
        )
        and not exists (
            select from memories as o
            where o.user_id = owner
            limit 1 offset few -- noqa: AM09
        )
    order by distance, m.id
    limit places;
end;
$$;

select memory_fix_search_paths('search_memories_if_few'::regproc);
