alter function recall_memories(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
) reset search_path;
alter function recall_candidates(uuid, vector, integer, memory_type[], double precision, jsonb) reset search_path;
