drop table memory_sources;
