drop function memories_hidden(user_id uuid);
