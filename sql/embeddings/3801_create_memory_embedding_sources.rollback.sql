drop table memory_embedding_sources;
