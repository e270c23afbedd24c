-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4035_find_exact_duplicates_on_one_shard');
