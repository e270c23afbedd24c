-- Takes rights that no policy restrains from all roles that are held to policies: to truncate a table empties it for
-- everybody, to refer to it tells which ids are there, a trigger sees what others write, and who maintains it locks it.
--
-- Hosted databases such as Supabase grant them with all other rights. Reading and writing rows stays granted as it is.
-- The right to refer may be one to columns. Cascade: whoever could grant these rights may have granted them on.
do $$
declare
    held record;
begin
    for held in
        select
            c.oid::regclass as name,
            coalesce(quote_ident(r.rolname), 'public') as grantee,
            string_agg(distinct a.privilege_type, ', ') as rights
        from pg_depend as d
        inner join pg_policy as p on d.objid = p.oid and d.classid = 'pg_policy'::regclass
        inner join pg_class as c on p.polrelid = c.oid
        cross join
            lateral (
                select x.grantee, x.privilege_type -- noqa: LT09
                from aclexplode(c.relacl) as x
                union
                select x.grantee, x.privilege_type -- noqa: LT09
                from pg_attribute as t
                cross join lateral aclexplode(t.attacl) as x
                where t.attrelid = c.oid
            ) as a
        left join pg_roles as r on a.grantee = r.oid
        where
            d.refobjid = 'memory_user()'::regprocedure and d.refclassid = 'pg_proc'::regclass
            and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
            and a.grantee <> c.relowner
            and not coalesce(r.rolsuper or r.rolbypassrls, false)
        group by c.oid, r.rolname
    loop
        execute format('revoke %s on %s from %s cascade', held.rights, held.name, held.grantee);
    end loop;
end
$$;
