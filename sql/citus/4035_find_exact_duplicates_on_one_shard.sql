-- The same for exact_duplicates of 3506.
-- alongside: deduplication
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4035_find_exact_duplicates_on_one_shard', 'exact_duplicates'::regproc);

create or replace function exact_duplicates(user_id uuid) returns table (memory_ids uuid[])
language plpgsql stable parallel restricted
set jit = off
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    hidden constant uuid[] := array(
        select h.memory_id from memories_hidden_from_duplicates(exact_duplicates.user_id) as h
    );
begin
    return query
    select
        array_agg(
            m.id
            order by m.memory_type asc, m.embedding is null asc, m.created_at asc, m.id asc
        ) as memory_ids
    from memories as m
    where m.user_id = exact_duplicates.user_id and m.id <> all(hidden)
    group by memory_content_key(m.content)
    having count(*) > 1
    order by min(m.created_at);
end;
$$;

select memory_fix_search_paths('exact_duplicates'::regproc);
