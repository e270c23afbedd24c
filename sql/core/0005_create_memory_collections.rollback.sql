drop table memory_collections;
