-- Keeps the history of migrations to those who migrate: it tells names of people and machines, and whoever writes to it
-- decides what the next run does. With row-level security and no policy, its owner alone sees rows.
do $$
declare
    part record;
begin
    for part in
        select
            c.oid::regclass as name,
            array(
                select quote_ident(r.rolname) from pg_roles as r
                where r.rolname in ('anon', 'authenticated')
            ) || array['public'] as others
        from unnest(
            array['_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'memdb_migrations']
        ) as t (name)
        inner join pg_class as c on to_regclass(t.name) = c.oid
    loop
        execute format('alter table %s enable row level security', part.name);
        execute format('revoke all on %s from %s', part.name, array_to_string(part.others, ', '));
    end loop;
end
$$;
