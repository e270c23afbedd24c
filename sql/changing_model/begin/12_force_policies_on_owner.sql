-- Holds the owner of the table to its policies, as 3051 does it for memories.
--
-- Then the owner does not see what a role with BYPASSRLS changes. So the trigger writes with the rights of whoever
-- changes a memory, who sees the same here and there; who may do so now gets the right to do it here.
-- alongside: force_row_security
alter table memory_embeddings_new_model force row level security;

alter function memory_embeddings_new_model_follow() security invoker;

do $$
declare
    writer record;
begin
    for writer in
        select distinct coalesce(quote_ident(r.rolname), 'public') as name
        from pg_class as c
        left join pg_attribute as f on c.oid = f.attrelid and f.attname in ('user_id', 'memory_type')
        cross join lateral aclexplode(c.relacl || f.attacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where c.oid = 'memories'::regclass and a.privilege_type = 'UPDATE' and a.grantee <> c.relowner
    loop
        execute format(
            'grant select (memory_id), update (user_id, memory_type) on memory_embeddings_new_model to %s', writer.name
        );
    end loop;
end
$$;
