-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4027_search_collections_on_one_shard');

drop function search_collection_of_user(
    uuid, vector, uuid, integer, memory_type[], double precision, jsonb, jsonpath
);
drop function memories_hidden_in_collections_of_user(owner uuid);
