alter function search_memories_by_signature(uuid, vector, integer, memory_type[]) reset enable_bitmapscan;
