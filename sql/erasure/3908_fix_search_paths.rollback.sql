alter function forget_user(user_id uuid) reset search_path;
alter function is_forgotten_user(user_id uuid) reset search_path;
alter function memory_user_digest(user_id uuid) reset search_path;
