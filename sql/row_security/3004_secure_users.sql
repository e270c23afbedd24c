-- The same for the table of users where that is memdb's stand-in: each sees themselves. The application's own table is
-- left as it is; whoever may read it learns who there is, and nothing of their memories.
do $$
begin
    if obj_description(to_regclass(format('%I.users', current_schema())), 'pg_class') like 'Stand-in made by memdb%' then
        alter table users enable row level security;
        create policy users_select on users for select using (id = (select memory_user()));
        create policy users_insert on users for insert with check (id = (select memory_user()));
        create policy users_update on users for update
        using (id = (select memory_user())) with check (id = (select memory_user()));
        create policy users_delete on users for delete using (id = (select memory_user()));
        comment on policy users_select on users is 'One sees oneself.';
        comment on policy users_insert on users is 'One adds oneself.';
        comment on policy users_update on users is 'One changes oneself, and stays oneself.';
        comment on policy users_delete on users is 'One deletes oneself, and one''s memories with that.';
    end if;
end
$$;
