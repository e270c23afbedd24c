-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4037_find_near_duplicates_on_one_shard');
