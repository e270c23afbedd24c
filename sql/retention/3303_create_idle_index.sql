-- The memories of each tier by when they were last recalled, with what rules need besides. So finding those that are
-- due takes as long as there are such, and reads no embedding. Built concurrently: memories can be read and written
-- meanwhile.
-- transactional: false
create index concurrently ix_memories_idle on memories using btree (memory_type, accessed_at) include (id, user_id);
