comment on index ix_memories_words is null;
drop function search_memories_by_words(
    user_id uuid, question text, k integer, tiers memory_type[], metadata jsonb
);
