drop function search_memories_in_widths(uuid, vector, integer, memory_type[], integer);
drop function search_memories_by_signature(uuid, vector, integer, memory_type[]);
