alter function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer)
reset search_path;
alter function search_memories_in_widths(uuid, vector, integer, memory_type[], integer) reset search_path;
alter function search_memories_by_signature(uuid, vector, integer, memory_type[]) reset search_path;
alter function memory_signature_doubts(vector) reset search_path;
alter function memory_signature(vector) reset search_path;
