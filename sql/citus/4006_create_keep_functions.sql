-- Keeps functions as they are, for the rollback of the migration that puts others in their place. All names in the
-- statements have their schemas.
create function memory_keep_functions(migration text, variadic functions regprocedure[]) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
begin atomic

    insert into memory_former_definitions (migration, place, definition)
    select
        memory_keep_functions.migration,
        f.place,
        pg_get_functiondef(f.name)
    from unnest(functions) with ordinality as f (name, place);

end;

comment on function memory_keep_functions(migration text, variadic functions regprocedure[]) is
'Part of the set citus: keeps functions as they are now, until memory_put_back makes them so again.';
