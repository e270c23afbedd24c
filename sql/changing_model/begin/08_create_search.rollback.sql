drop function search_memories_where_new_model(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
);
