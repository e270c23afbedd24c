drop function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
);
