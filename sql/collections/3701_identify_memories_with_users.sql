-- Whose a memory is, together with which it is: rows that hold both can then refer to both, and the database itself
-- keeps what belongs to two users apart. Built concurrently: memories can be read and written meanwhile.
-- transactional: false
create unique index concurrently ix_memories_id_user_id on memories using btree (id, user_id);
