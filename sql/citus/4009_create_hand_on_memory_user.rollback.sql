drop function hand_on_memory_user(user_id text);
