drop function recall_candidates(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
);
drop function memory_question_in_recall(embedding vector);
