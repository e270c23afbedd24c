-- All signatures of a user, side by side, with all that a search needs before it knows what is near.
--
-- The table itself is not read for it, where a vacuum has been since its rows were written.
-- transactional: false
create index concurrently ix_memories_signature on memories using btree (user_id)
include (id, memory_type, signature);
