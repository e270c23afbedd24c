-- Builds the index again while the table is read and written; it takes as long as it took at first.
-- transactional: false
create index concurrently ix_memories_embedding on memories
using hnsw (embedding vector_cosine_ops)
with (m = 16, ef_construction = 64);
