-- How long a memory is kept goes along when the memory is given to another user, such as where two accounts become one.
-- Else it would be deleted with the former user, the pins as well, and what has expired would be found by the new one.
--
-- It runs with the rights of whoever gives the memory away, who is under the same policies here and there; who may do
-- that to memories when the set is applied gets the right to do it here. The trigger itself has no condition: one that
-- somebody else could have made may call anything, so memdb would not write beside it.
create function retention_follows_memory() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.user_id is distinct from new.user_id then
        execute format('update %I.memory_retention set user_id = $1 where memory_id = $2', tg_table_schema)
            using new.user_id, new.id;
    end if;
    return null;
end;
$$;

create trigger memory_retention_follows_memory
after update of user_id on memories
for each row execute function retention_follows_memory();

comment on function retention_follows_memory() is
'Part of memory_retention: has the row of a memory belong to the user that the memory is given to.';
comment on trigger memory_retention_follows_memory on memories is
'What is given to another user stays pinned, and stays expired.';

do $$
declare
    writer record;
begin
    for writer in
        select distinct coalesce(quote_ident(r.rolname), 'public') as name
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where c.oid = 'memories'::regclass and a.privilege_type = 'UPDATE' and a.grantee <> c.relowner
    loop
        execute format('grant select (memory_id), update (user_id) on memory_retention to %s', writer.name);
    end loop;
end
$$;
