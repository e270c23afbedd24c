-- Only what 3004 has made: an application may have policies of its own on its own table.
do $$
begin
    if exists (
        select from pg_policy
        where polrelid = to_regclass(format('%I.users', current_schema())) and polname = 'users_select'
            and obj_description(oid, 'pg_policy') = 'One sees oneself.'
    ) then
        drop policy users_delete on users;
        drop policy users_update on users;
        drop policy users_insert on users;
        drop policy users_select on users;
        alter table users disable row level security;
    end if;
end
$$;
