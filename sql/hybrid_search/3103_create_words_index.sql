-- Finds the memories of one user that have a word. Built concurrently: memories can be read and written meanwhile.
--
-- New entries are collected and sorted in together (fastupdate), which makes writes cheaper. Each search reads what was
-- collected, so that is 256 kB at most.
-- transactional: false
create index concurrently ix_memories_words on memories
using gin (memory_word_keys(user_id, memory_words(content)))
with (fastupdate = on, gin_pending_list_limit = 256);
