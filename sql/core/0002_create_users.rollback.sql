-- Drops the stand-in, if it is in the schema that memdb works in, and never a table that the application made.
do $$
declare
    users constant regclass := to_regclass(format('%I.users', current_schema()));
begin
    if obj_description(users, 'pg_class') like 'Stand-in made by memdb%' then
        drop table users;
    end if;
end
$$;
