drop function memory_content_key(content text);
