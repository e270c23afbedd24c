drop function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
);
