-- Rows stay as they are until they are written again.
do $$
begin
    if exists (
        select
        from pg_class
        cross join unnest(reloptions) as option
        where oid = 'memories'::regclass and option = 'toast_tuple_target=8160'
    ) then
        alter table memories reset (toast_tuple_target);
    end if;
    alter table memories alter embedding set storage external;
end
$$;
