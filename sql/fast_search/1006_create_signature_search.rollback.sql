drop function search_memories_by_metadata(uuid, vector, integer, memory_type[], jsonb);
drop function search_memories_by_signature(uuid, vector, integer, memory_type[], integer);
