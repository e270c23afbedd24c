comment on index ix_memories_content_key is null;
drop function memory_with_content(user_id uuid, content text);
