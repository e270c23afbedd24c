-- Removes the comment of the embedding index, which the next migration drops.
--
-- This migration exists for its rollback: after the next migration's rollback has built the index again, it puts the
-- comment back. That rollback cannot do it itself, because a concurrent build has to be alone in its file.
comment on index ix_memories_embedding is null;
