drop function prune_memories(batch integer);
