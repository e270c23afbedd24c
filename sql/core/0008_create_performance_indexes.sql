-- Lookups that keep the application fast once there are many rows.
-- squawk-ignore-file require-concurrent-index-creation -- 0004 and 0005 have just made the tables; nobody writes yet
create index ix_memories_accessed_at on memories using btree (accessed_at);
create index ix_memory_collections_collection_type on memory_collections using btree (collection_type);

comment on index ix_memories_accessed_at is 'Finds memories by when they were last recalled.';
comment on index ix_memory_collections_collection_type is 'Finds the collections of one kind.';

-- A file that runs outside of a transaction holds one statement, so the comment on the index of 0007 is here.
comment on index ix_memories_embedding is
'Nearest memories by cosine distance (HNSW, m 16, ef_construction 64). '
'Filtered searches need hnsw.iterative_scan, or they may return fewer rows than exist.';
