drop function memory_dependents(users regclass);
