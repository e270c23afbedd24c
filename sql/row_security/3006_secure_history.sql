-- Keeps the history of migrations to those who migrate: it tells names of people and machines, and whoever writes to it
-- decides what the next run does. With row-level security and no policy, its owner alone sees rows. Rights are taken
-- from all others who are held to that: nothing would be left to them but to empty the tables.
do $$
declare
    part record;
begin
    for part in
        select
            c.oid::regclass as name,
            coalesce(
                (
                    select string_agg(distinct coalesce(quote_ident(r.rolname), 'public'), ', ')
                    from aclexplode(c.relacl) as a
                    left join pg_roles as r on a.grantee = r.oid
                    where a.grantee <> c.relowner and not coalesce(r.rolsuper or r.rolbypassrls, false)
                ),
                'public'
            ) as others
        from unnest(
            array['_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'memdb_migrations']
        ) as t (name)
        inner join pg_class as c on to_regclass(t.name) = c.oid
    loop
        execute format('alter table %s enable row level security', part.name);
        execute format('revoke all on %s from %s cascade', part.name, part.others);
    end loop;
end
$$;
