-- Finds the memories of a user that have a text. It is not unique: what is stored already may be there several times.
-- Built concurrently: memories can be read and written meanwhile.
-- transactional: false
create index concurrently ix_memories_content_key on memories using btree (user_id, memory_content_key(content));
