-- Has searches find signatures without reading the rows, which autovacuum may not have seen since they were written.
-- transactional: false
vacuum (analyze) memory_embeddings_new_model;
