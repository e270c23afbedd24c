drop index concurrently ix_memories_id;
