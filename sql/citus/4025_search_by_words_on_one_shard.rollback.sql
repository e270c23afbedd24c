-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

do $$
declare
    former text;
begin
    for former in
        select f.definition from memory_former_definitions as f
        where f.migration = '4025_search_by_words_on_one_shard'
        order by f.place
    loop
        execute former;
    end loop;
    delete from memory_former_definitions as f
    where f.migration = '4025_search_by_words_on_one_shard';
end
$$;

drop function search_memories_saying(uuid, text, integer, memory_type[], jsonb);
