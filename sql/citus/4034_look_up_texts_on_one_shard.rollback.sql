-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4034_look_up_texts_on_one_shard');
