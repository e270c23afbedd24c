comment on index ix_memories_signature is null;
drop function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer);
