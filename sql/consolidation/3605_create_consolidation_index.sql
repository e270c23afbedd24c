-- Each user's memories of each tier by age, so what is proposed is found without reading an embedding. Built
-- concurrently: memories can be read and written meanwhile.
-- transactional: false
create index concurrently ix_memories_consolidation on memories using btree (user_id, memory_type, created_at) include (
    id
);
