drop function memory_content_hash(text);
