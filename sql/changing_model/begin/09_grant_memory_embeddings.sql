-- Whoever may read or write memories may do the same with their embeddings by new_model_name, and whoever may search
-- memories may call what that consists of, also where functions are not everybody's when they are made. Roles that get
-- rights later need them to memory_embeddings_new_model, memories_of_new_model and these functions, too.
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

    for held in
        select
            f.oid::regprocedure as name,
            coalesce(quote_ident(r.rolname), 'public') as grantee
        from pg_class as c
        inner join pg_proc as s on c.relnamespace = s.pronamespace and s.proname = 'search_memories_where'
        cross join lateral aclexplode(coalesce(s.proacl, acldefault('f', s.proowner))) as a
        left join pg_roles as r on a.grantee = r.oid
        inner join pg_proc as f
            on
                s.pronamespace = f.pronamespace
                and f.proname in (
                    'memory_signature_new_model',
                    'memory_signature_doubts_new_model',
                    'memory_answers_new_model',
                    'set_memory_embeddings_new_model',
                    'search_memories_by_signature_new_model',
                    'search_memories_in_widths_new_model',
                    'search_memories_filtered_new_model',
                    'search_memories_where_new_model'
                )
        where
            c.oid = 'memories'::regclass and a.privilege_type = 'EXECUTE'
            and not has_function_privilege(coalesce(r.rolname, 'public'), f.oid, 'EXECUTE')
    loop
        execute format('grant execute on function %s to %s', held.name, held.grantee);
    end loop;
end
$$;
