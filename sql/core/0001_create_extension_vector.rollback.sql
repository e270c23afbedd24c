-- Drops the extension only if memdb created it and nothing else uses it.
do $$
begin
    if exists (
        select from pg_extension
        where extname = 'vector' and obj_description(oid, 'pg_extension') like '%Created by memdb%'
    ) then
        drop extension vector restrict;
    end if;
exception
    when dependent_objects_still_exist then
        raise notice 'the extension "vector" stays: other objects use it';
end
$$;
