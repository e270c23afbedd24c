comment on index ix_memory_collections_id_user_id is null;
comment on index ix_memories_id_user_id is null;
drop table memory_collection_members;
