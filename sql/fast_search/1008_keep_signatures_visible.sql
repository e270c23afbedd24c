-- Makes autovacuum run after 2 % of new rows instead of 20 %. This is cheap, because it reads only the new ones.
--
-- Until a row has been vacuumed, a search that finds it in the index of signatures has to read the table as well, which
-- takes four times as long. If the table already has such a setting, it is left as it is.
-- formerly: 776cd4efbea497aae893b81d776b50529325a8c27d6a78eb8a90968c3d852fa9
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
