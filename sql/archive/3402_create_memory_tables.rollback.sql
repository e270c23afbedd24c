drop function memory_tables(regclass);
