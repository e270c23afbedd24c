-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

do $$
declare
    former text;
begin
    for former in
        select f.definition from memory_former_definitions as f
        where f.migration = '4027_search_collections_on_one_shard'
        order by f.place
    loop
        execute former;
    end loop;
    delete from memory_former_definitions as f
    where f.migration = '4027_search_collections_on_one_shard';
end
$$;

drop function search_collection_of_user(
    uuid, vector, uuid, integer, memory_type[], double precision, jsonb, jsonpath
);
