drop function near_duplicate_distance(user_id uuid);
