-- Fixes the search_path of functions in PL/pgSQL: the names in them are looked up when they run, so they shall mean the
-- schema of memories and that of the extension, whoever calls.
create function memory_fix_search_paths(variadic functions regprocedure[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
begin
    for part in
        select
            f.name,
            n.nspname as home,
            e.nspname as place
        from unnest(functions) as f (name)
        inner join pg_proc as p on f.name = p.oid
        inner join pg_namespace as n on p.pronamespace = n.oid
        inner join pg_extension as x on x.extname = 'vector'
        inner join pg_namespace as e on x.extnamespace = e.oid
    loop
        execute format('alter function %s set search_path = %I, %I, pg_temp', part.name, part.home, part.place);
    end loop;
end;
$$;

comment on function memory_fix_search_paths(variadic functions regprocedure[]) is
'Part of the set citus: has functions of their owner find the names in them, whoever calls.';
