-- Runs what was kept for the rollback of a migration. Names without a schema lead to that of memories.
create function memory_put_back(migration text) returns void
language plpgsql volatile
as $$
declare
    former text;
begin
    for former in
        select f.definition from memory_former_definitions as f
        where f.migration = memory_put_back.migration
        order by f.place
    loop
        execute former;
    end loop;
    delete from memory_former_definitions as f
    where f.migration = memory_put_back.migration;
end;
$$;

comment on function memory_put_back(migration text) is
'Part of the set citus: makes again what a migration of it has put something else in place of.';

select memory_fix_search_paths('memory_put_back(text)');
