drop index ix_memory_collections_user_id;
drop index ix_memories_created_at;
drop index ix_memories_memory_type;
drop index ix_memories_user_id;
