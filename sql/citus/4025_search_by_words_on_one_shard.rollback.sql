-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4025_search_by_words_on_one_shard');

drop function search_memories_saying(uuid, text, integer, memory_type[], jsonb);
