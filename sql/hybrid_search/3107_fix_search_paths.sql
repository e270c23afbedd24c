-- Fixes the search_path of the functions that search by words, as 1010 does of those of fast_search, for its reasons.
--
-- memory_words and memory_word_keys stay as they are: with a fixed path, PostgreSQL would no longer put their bodies in
-- place of each call, in every write and every search. Their bodies were parsed when they were made.
-- alongside: row_security
alter function memories_having_words(
    user_id uuid, words text[], codes text[], most integer, tiers memory_type[], metadata jsonb
) set search_path = '';
alter function search_memories_by_words(
    user_id uuid, question text, k integer, tiers memory_type[], metadata jsonb
) set search_path = '';
