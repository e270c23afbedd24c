-- Whoever may read memories may read which have expired, as each search of theirs does from here on: with the rights of
-- whoever searches. Roles that get a right to memories later need one to memory_retention, too.
do $$
declare
    reader record;
begin
    for reader in
        select distinct coalesce(quote_ident(r.rolname), 'public') as name
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where c.oid = 'memories'::regclass and a.privilege_type = 'SELECT' and a.grantee <> c.relowner
    loop
        execute format('grant select (memory_id, user_id, expires_at) on memory_retention to %s', reader.name);
    end loop;
end
$$;
