-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4031_prune_shard_by_shard');

drop function memory_shards_of(users uuid[]);
