drop function prune_memories(batch integer);
drop function discard_memories(memory_ids uuid[]);
