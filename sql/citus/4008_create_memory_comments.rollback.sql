drop function memory_comments(users regclass);
