drop function merge_exact_duplicates(user_id uuid, batch integer);
