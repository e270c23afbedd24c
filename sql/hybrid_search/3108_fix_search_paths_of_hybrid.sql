-- Fixes the search_path of the function of 3106, as 1010 does of those of fast_search, and for its reasons.
-- alongside: fast_search row_security
alter function search_memories_hybrid(
    user_id uuid,
    question text,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb
) set search_path = '';
