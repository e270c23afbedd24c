-- Fixes the search_path of the functions for new_model_name, as 1010 does of those of fast_search, and for its reasons,
-- and has what is compared looked up by its key, as 1011 does.
-- alongside: row_security
alter function memory_signature_new_model(vector) set search_path = '';
alter function memory_signature_doubts_new_model(vector) set search_path = '';
alter function set_memory_embeddings_new_model(uuid, uuid[], vector[]) set search_path = '';
alter function search_memories_by_signature_new_model(uuid, vector, integer, memory_type[])
set search_path = '';
alter function search_memories_by_signature_new_model(uuid, vector, integer, memory_type[])
set enable_bitmapscan = off;
alter function search_memories_in_widths_new_model(uuid, vector, integer, memory_type[], integer)
set search_path = '';
alter function search_memories_filtered_new_model(uuid, vector, integer, memory_type[], integer, jsonb, jsonpath)
set search_path = '';
alter function search_memories_where_new_model(
    uuid, vector, jsonpath, integer, memory_type[], double precision, jsonb, integer
) set search_path = '';
