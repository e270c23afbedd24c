drop function add_memory_once(
    user_id uuid,
    memory_type memory_type,
    content text,
    embedding vector,
    metadata jsonb,
    created_at timestamptz
);
