comment on index ix_memories_idle is null;
drop function memory_recalls();
