alter function near_duplicates(user_id uuid, max_distance double precision) reset search_path;
alter function near_duplicate_distance(user_id uuid) reset search_path;
alter function exact_duplicates(user_id uuid) reset search_path;
alter function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb,
    created_at timestamptz
) reset search_path;
alter function memory_with_content(user_id uuid, content text) reset search_path;
