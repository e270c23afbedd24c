drop table memory_merges;
