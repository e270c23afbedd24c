-- The same for forget_user of 3905; forget_rows goes from table to table, and asks for the user in each.
-- alongside: erasure
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions('4032_forget_user_on_one_shard', 'forget_user'::regproc);

create or replace function forget_user(user_id uuid) returns table (table_name text, deleted bigint)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
    insert into memory_forgotten_users as f (digest)
    select memory_user_digest(forget_user.user_id) as digest
    where forget_user.user_id is not null
    on conflict on constraint memory_forgotten_users_pkey do update
        set forgotten_at = now();

    return query
    select
        r.table_name,
        r.deleted
    from forget_rows(forget_user.user_id, 'memories'::regclass) as r;
end;
$$;

select memory_fix_search_paths('forget_user'::regproc);
