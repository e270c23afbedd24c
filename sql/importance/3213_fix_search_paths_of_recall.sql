-- Fixes the search_path of the functions of 3206 and 3207, as 1010 does of those of fast_search, and for its reasons.
-- alongside: fast_search row_security
alter function recall_candidates(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) set search_path = '';
alter function recall_memories(
    user_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) set search_path = '';
