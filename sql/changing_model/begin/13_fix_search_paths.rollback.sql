alter function search_memories_where_new_model(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
) reset search_path;
alter function search_memories_filtered_new_model(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
reset search_path;
alter function search_memories_in_widths_new_model(uuid, vector, integer, memory_type[], integer)
reset search_path;
alter function search_memories_by_signature_new_model(uuid, vector, integer, memory_type[])
reset enable_bitmapscan;
alter function search_memories_by_signature_new_model(uuid, vector, integer, memory_type[])
reset search_path;
alter function set_memory_embeddings_new_model(uuid, uuid[], vector[]) reset search_path;
alter function memory_signature_doubts_new_model(vector) reset search_path;
alter function memory_signature_new_model(vector) reset search_path;
