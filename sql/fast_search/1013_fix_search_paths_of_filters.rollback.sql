alter function search_memories_where(
    user_id uuid,
    embedding vector,
    condition jsonpath,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    candidates integer
) reset search_path;
alter function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
reset search_path;
