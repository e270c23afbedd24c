drop function memory_word_keys(user_id uuid, words tsvector);
