drop function memories_hidden_in_archive(user_id uuid);
