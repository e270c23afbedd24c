alter function search_memories_where(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
) reset search_path;
alter function search_memories_filtered(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
reset search_path;
