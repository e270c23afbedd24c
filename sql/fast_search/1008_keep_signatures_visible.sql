-- Has autovacuum look after 2 % of new rows instead of 20 %: that is cheap, since it reads only what is new.
--
-- Until a vacuum has seen a row, the index of signatures must be checked against the table for it, which takes four
-- times as long. The setting of a table that has one already stays.
do $$
begin
    if not exists (
        select
        from pg_class
        cross join unnest(reloptions) as option
        where oid = 'memories'::regclass and option like 'autovacuum\_vacuum\_insert\_scale\_factor=%'
    ) then
        alter table memories set (autovacuum_vacuum_insert_scale_factor = 0.02);
    end if;
end
$$;
