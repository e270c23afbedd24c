-- Fixes the search_path of the functions of 1012, as 1010 does of the others, and for its reasons.
-- alongside: row_security
alter function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
set search_path = '';
alter function search_memories_where(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
) set search_path = '';
