-- transactional: false
drop index concurrently ix_memory_collections_id_user_id;
