comment on index ix_memories_embedding is
'Nearest memories by cosine distance (HNSW, m 16, ef_construction 64). '
'Filtered searches need hnsw.iterative_scan, or they may return fewer rows than exist.';
