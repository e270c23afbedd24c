-- Drops the HNSW index, which takes half of the disk space and nine tenths of the time of a write.
--
-- Searches that use the index become slow: those across all users, and the plain query for a user with very many
-- memories. The plain query for one user then reads all of their memories, as it does for most users anyway, and misses
-- none. search_memories of the set fast_search never uses this index, so apply both sets, not this one alone.
-- transactional: false
drop index concurrently ix_memories_embedding;
