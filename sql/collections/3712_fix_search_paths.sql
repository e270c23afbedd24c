-- Fixes the search_path of the functions, as 1010 does it for those of fast_search, and for its reasons. Their bodies
-- were parsed when they were made, so it changes nothing of what they do.
-- alongside: row_security
alter function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) set search_path = '';
alter function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) set search_path = '';
alter function memories_in_collection(user_id uuid, collection_id uuid) set search_path = '';
alter function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) set search_path = '';
