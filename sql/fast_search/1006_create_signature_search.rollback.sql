drop function search_memories_by_signature(uuid, vector, integer, memory_type[], jsonb, integer);
drop function memory_signatures_of(uuid, memory_type[], jsonb);
