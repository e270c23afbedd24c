drop function near_duplicates(user_id uuid, max_distance double precision);
