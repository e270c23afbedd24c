drop function is_forgotten_user(user_id uuid);
