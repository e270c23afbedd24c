-- Asked before memories are taken from elsewhere, such as a file or another database.
create function is_forgotten_user(user_id uuid) returns boolean
language sql stable parallel safe
begin atomic

    select
        exists(
            select from memory_forgotten_users as f
            where f.digest = (select memory_user_digest(is_forgotten_user.user_id))
        );

end;

comment on function is_forgotten_user(user_id uuid) is
'Whether the user was forgotten here, by forget_user or by memdb forget.';
