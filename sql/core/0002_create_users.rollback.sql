-- Drops the stand-in, and never a table that the application made.
do $$
begin
    if obj_description(to_regclass('users'), 'pg_class') like 'Stand-in made by memdb%' then
        drop table users;
    end if;
end
$$;
