-- Approximate nearest neighbours by cosine distance: an HNSW graph (hierarchical navigable small world).
--
-- m = 16: links of a memory to its neighbours in each layer of the graph (twice as many in the lowest).
--     More links find more of the true neighbours and cost memory, disk and build time. 16 suits 1536
--     dimensions well up to some millions of rows.
-- ef_construction = 64: how many candidates are weighed when a memory is linked in. Higher builds a
--     better graph, more slowly. It should be at least twice m.
-- vector_cosine_ops: serves "order by embedding <=> query limit k", ascending, and no other distance.
--
-- Rows whose embedding is NULL or all zeros are not in the index. At search time hnsw.ef_search sets how
-- many candidates are looked at, and hnsw.iterative_scan keeps filters from losing rows.
--
-- Built concurrently, so that a table that already holds memories can be written to all the while.
-- transactional: false
create index concurrently ix_memories_embedding on memories
using hnsw (embedding vector_cosine_ops)
with (m = 16, ef_construction = 64);
