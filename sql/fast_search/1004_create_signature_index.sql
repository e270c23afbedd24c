-- All signatures of a user, side by side, with everything else that a search needs until it knows which are near.
--
-- Rows that were vacuumed after they were written are found without reading the table itself.
-- formerly: 605a3b9f871550f0fb7fb7746a11d96d194b51f7e098cb20f4484f74fcfc43c0
-- transactional: false
create index concurrently ix_memories_signature on memories using btree (user_id)
include (id, memory_type, signature);
