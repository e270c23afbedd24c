-- The index of the primary key to come, built while memories are read and written.
-- transactional: false
create unique index concurrently memories_user_id_id_key on memories using btree (user_id, id);
