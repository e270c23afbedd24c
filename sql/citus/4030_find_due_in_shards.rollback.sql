-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4030_find_due_in_shards');

drop function memories_due_of_users(most bigint);
