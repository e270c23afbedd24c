select set_config('citus.enable_ddl_propagation', 'off', true);

do $$
declare
    part regprocedure;
begin
    for part in
        select p.oid from pg_proc as p
        where p.pronamespace = current_schema()::regnamespace and 'plan_cache_mode=auto' = any(p.proconfig)
    loop
        execute format('alter function %s reset search_path', part);
    end loop;
end
$$;
