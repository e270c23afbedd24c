-- Finds a memory of whom it is not said whose it is: the primary key will begin with the user.
-- transactional: false
create index concurrently ix_memories_id on memories using btree (id);
