drop function exact_duplicates(user_id uuid);
