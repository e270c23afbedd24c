-- transactional: false
drop index concurrently ix_memories_consolidation;
