-- Takes the comment off the embedding index, which the next migration drops.
--
-- It does no more than its rollback needs: once that of the next migration has built the index again, which has to be
-- alone in its file, this one gives it back its comment.
comment on index ix_memories_embedding is null;
