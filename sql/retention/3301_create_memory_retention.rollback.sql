drop table memory_retention;
