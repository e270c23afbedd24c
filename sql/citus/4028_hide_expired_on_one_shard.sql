-- The same for memories_expired of 3317: one more question to the shard of the user, before each search.
-- alongside: retention
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4028_hide_expired_on_one_shard', 'memories_expired'::regproc);

create or replace function memories_expired(user_id uuid) returns table (memory_id uuid)
language plpgsql stable parallel restricted
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select r.memory_id
    from memory_retention as r
    where r.user_id = memories_expired.user_id and r.expires_at <= statement_timestamp();
end;
$$;

select memory_fix_search_paths('memories_expired'::regproc);
