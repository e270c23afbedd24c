drop function search_memory_archive(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    reasons text[],
    valid_at timestamptz
);
