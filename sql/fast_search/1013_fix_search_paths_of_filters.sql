-- Fixes the search_path of the functions of 1012, as 1010 does of the others, and for its reasons.
-- alongside: row_security
alter function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
set search_path = '';
alter function search_memories_where(
    user_id uuid,
    embedding vector,
    condition jsonpath,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    candidates integer
) set search_path = '';
