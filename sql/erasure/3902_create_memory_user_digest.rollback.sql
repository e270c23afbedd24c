drop function memory_user_digest(user_id uuid);
