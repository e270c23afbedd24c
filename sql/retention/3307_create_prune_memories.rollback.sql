drop function prune_memories(batch integer);
drop function discard_memories(memory_ids uuid[]);
drop function memories_still_due(memory_ids uuid[], rules text[], recalls timestamptz[]);
