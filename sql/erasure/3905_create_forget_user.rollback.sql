drop function forget_user(user_id uuid);
