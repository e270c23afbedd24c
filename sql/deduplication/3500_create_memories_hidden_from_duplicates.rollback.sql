drop function memories_hidden_from_duplicates(user_id uuid);
