-- Whoever may read or write memories may do the same with their embeddings by new_model_name. Roles that get rights to
-- memories later need them to memory_embeddings_new_model and memories_of_new_model, too.
do $$
declare
    held record;
begin
    for held in
        select
            coalesce(quote_ident(r.rolname), 'public') as grantee,
            a.privilege_type as privilege
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where
            c.oid = 'memories'::regclass and a.grantee <> c.relowner
            and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    loop
        execute format('grant %s on memory_embeddings_new_model to %s', held.privilege, held.grantee);
        if held.privilege = 'SELECT' then
            execute format('grant select on memories_of_new_model to %s', held.grantee);
        end if;
    end loop;
end
$$;
