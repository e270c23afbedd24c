-- Memories belong to users, and users belong to the application: memdb refers to users(id) only.
--
-- Where a table "users" can be seen, it is the application's and is left alone; it must have a uuid "id"
-- that a foreign key can refer to. Where none can be seen, or only one of another schema that has no such "id",
-- a stand-in is created, marked by its comment, so that memdb also works by itself. Nothing else in memdb depends
-- on which of the two is there.
-- formerly: 7175a49070577a170fb2bebb0d18561fe2c2b029274caab124fe6981387acc06
-- formerly: 91ae9f5f837deff799c11319c115b5e136a305262b5347583a9e6c9019c0650d
do $$
declare
    found constant regclass := to_regclass('users');
    shown constant text := (
        select format('%I.%I', nspname, relname)
        from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
        where pg_class.oid = found
    );
    its_type constant text := (
        select format_type(atttypid, atttypmod)
        from pg_attribute
        where attrelid = found and attname = 'id' and not attisdropped
    );
    fits constant boolean := exists (
        select
        from pg_index
        inner join pg_attribute on attrelid = indrelid and attnum = indkey[0]
        where
            indrelid = found
            and indisunique and indimmediate and indisvalid and indpred is null and indnkeyatts = 1
            and attname = 'id' and atttypid = 'uuid'::regtype
    );
begin
    if fits then
        raise notice 'memories belong to the users in the table %, of the role %',
            shown, (select relowner::regrole from pg_class where oid = found);
        return;
    elsif found = to_regclass(format('%I.users', current_schema())) then
        raise exception 'the table "users" has %, and memories refer to a uuid "id" that is unique',
            coalesce('an "id" of the type ' || its_type, 'no "id"')
            using errcode = 'invalid_foreign_key',
                hint = 'Leave it as it is, and write the SQL for its key: memdb init DIR --users users. '
                    'Where users.id is a uuid already, a primary key or unique constraint on it is enough. '
                    'Or give memdb a schema of its own, where it makes users of its own: '
                    'create schema memory, then memdb migrate --schema memory.';
    elsif found is not null then
        raise notice 'the table % has no uuid column "id" that memories could refer to: they belong to users in %',
            shown, current_schema();
    end if;
    create table users (
        id uuid default gen_random_uuid(),
        created_at timestamptz not null default now(),
        constraint users_pkey primary key (id)
    );
    comment on table users is
        'Stand-in made by memdb because the application had no table "users". Dropped on rollback.';
    comment on column users.id is 'The user to whom memories belong.';
    comment on column users.created_at is 'When the user was added.';
end
$$;
