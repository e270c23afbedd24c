-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4023_search_on_one_shard');

drop function search_memories_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath, integer, bigint);
drop function search_memories_if_few(uuid, vector, integer, memory_type[], jsonb, jsonpath, bigint);
