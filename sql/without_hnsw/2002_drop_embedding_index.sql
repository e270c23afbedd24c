-- Drops the HNSW index, which takes half of the disk and nine tenths of the time of a write.
--
-- What is lost is the search that reads it: the nearest memories of all users together, and the plain query of a user
-- who has very many. The plain query of one user reads all of their memories then, as it does for most users anyway,
-- and loses none. search_memories of the set fast_search never reads this index: want both sets, not this one alone.
-- transactional: false
drop index concurrently ix_memories_embedding;
