-- Forgets a user, for applications in any language. Their own row in the table of users is the application's, which may
-- delete it in the same transaction.
create function forget_user(user_id uuid) returns table (table_name text, deleted bigint)
language sql volatile
begin atomic

    insert into memory_forgotten_users as f (digest)
    select memory_user_digest(forget_user.user_id) as digest
    where forget_user.user_id is not null
    on conflict (digest) do update set forgotten_at = now();

    select
        r.table_name,
        r.deleted
    from forget_rows(forget_user.user_id, 'memories'::regclass) as r;

end;

comment on function forget_user(user_id uuid) is
'Deletes all that memdb''s tables hold of a user, says how many rows of which table, and notes that no import is to '
'bring the user back. An unknown user is an error.';
