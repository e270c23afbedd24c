alter function search_memories_by_words(
    user_id uuid, question text, k integer, tiers memory_type[], metadata jsonb
) reset search_path;
alter function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
) reset search_path;
