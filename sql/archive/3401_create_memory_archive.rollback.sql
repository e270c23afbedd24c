drop table memory_archive;
