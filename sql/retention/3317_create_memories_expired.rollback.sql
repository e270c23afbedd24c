drop function memories_expired(user_id uuid);
