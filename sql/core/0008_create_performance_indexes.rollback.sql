comment on index ix_memories_embedding is null;
drop index ix_memory_collections_collection_type;
drop index ix_memories_accessed_at;
