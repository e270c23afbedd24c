do $$
begin
    if exists (
        select
        from pg_class
        cross join unnest(reloptions) as option
        where oid = 'memories'::regclass and option = 'autovacuum_vacuum_insert_scale_factor=0.02'
    ) then
        alter table memories reset (autovacuum_vacuum_insert_scale_factor);
    end if;
end
$$;
