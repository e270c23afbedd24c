-- Rights that were taken stay taken.
do $$
declare
    part record;
begin
    for part in
        select c.oid::regclass as name
        from unnest(
            array['_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'memdb_migrations']
        ) as t (name)
        inner join pg_class as c on to_regclass(t.name) = c.oid
    loop
        execute format('alter table %s disable row level security', part.name);
    end loop;
end
$$;
