-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4022_search_filtered_on_one_shard');

drop function search_memories_passing(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath);
