-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4026_recall_on_one_shard');

drop function memory_recall_weights_of_all();
drop function memory_importance_with_ids(uuid, uuid[]);
drop function recall_candidates_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath);
