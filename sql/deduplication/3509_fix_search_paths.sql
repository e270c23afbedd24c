-- Fixes the search_path of the functions, as 3316 does it for those of retention. Their bodies were parsed when they
-- were made, so it changes nothing of what they do.
-- alongside: row_security
alter function memory_with_content(user_id uuid, content text) set search_path = '';
alter function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb,
    created_at timestamptz
) set search_path = '';
alter function exact_duplicates(user_id uuid) set search_path = '';
alter function near_duplicate_distance(user_id uuid) set search_path = '';
alter function near_duplicates(user_id uuid, max_distance double precision) set search_path = '';
