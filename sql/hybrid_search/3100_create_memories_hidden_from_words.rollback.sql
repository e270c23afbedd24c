drop function memories_hidden_from_words(user_id uuid);
