-- transactional: false
drop index concurrently ix_memories_id_user_id;
