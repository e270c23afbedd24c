-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

do $$
declare
    former text;
begin
    for former in
        select f.definition from memory_former_definitions as f
        where f.migration = '4026_recall_on_one_shard'
        order by f.place
    loop
        execute former;
    end loop;
    delete from memory_former_definitions as f
    where f.migration = '4026_recall_on_one_shard';
end
$$;

drop function memory_recall_weights_of_all();
drop function memory_importance_with_ids(uuid, uuid[]);
drop function recall_candidates_of_user(uuid, vector, integer, memory_type[], jsonb, jsonpath);
