comment on index ix_memories_consolidation is null;
drop function consolidation_proposals();
