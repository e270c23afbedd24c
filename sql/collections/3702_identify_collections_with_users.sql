-- The same for collections.
-- transactional: false
create unique index concurrently ix_memory_collections_id_user_id on memory_collections using btree (id, user_id);
