-- Fixes the search_path of the functions in PL/pgSQL: their names are looked up when they run, so they shall mean the
-- schema of memories and that of the extension, whoever calls.
select set_config('citus.enable_ddl_propagation', 'off', true);

do $$
declare
    part regprocedure;
    place constant name := (
        select x.extnamespace::regnamespace from pg_extension as x
        where x.extname = 'vector'
    );
begin
    for part in
        select p.oid from pg_proc as p
        where p.pronamespace = current_schema()::regnamespace and 'plan_cache_mode=auto' = any(p.proconfig)
    loop
        execute format('alter function %s set search_path = %I, %I, pg_temp', part, current_schema(), place);
    end loop;
end
$$;
