drop index concurrently ix_memories_signature;
