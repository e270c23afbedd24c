-- Takes rights that no policy restrains from all roles that are held to policies, as 3005 does it for other tables: to
-- truncate, to refer to a table, to put triggers on it, to maintain it.
-- alongside: row_security
do $$
declare
    held record;
begin
    for held in
        select
            c.oid::regclass as name,
            coalesce(quote_ident(r.rolname), 'public') as grantee,
            string_agg(distinct a.privilege_type, ', ') as rights
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where
            c.oid = 'memory_embeddings_new_model'::regclass
            and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
            and a.grantee <> c.relowner
            and not coalesce(r.rolsuper or r.rolbypassrls, false)
        group by c.oid, r.rolname
    loop
        execute format('revoke %s on %s from %s cascade', held.rights, held.name, held.grantee);
    end loop;
end
$$;
