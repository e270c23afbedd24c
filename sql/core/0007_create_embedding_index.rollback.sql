drop index ix_memories_embedding;
