alter function search_memories_hybrid(
    user_id uuid,
    question text,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
) reset search_path;
