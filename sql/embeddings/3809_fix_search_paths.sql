-- Fixes the search_path of all functions, as 1010 does of those of fast_search, and for its reasons. Their bodies were
-- parsed when they were made, so it changes nothing of what they do.
-- alongside: row_security
alter function memory_content_hash(content text) set search_path = '';
alter function memory_embedding_hash(embedding vector) set search_path = '';
alter function note_embedding_model(user_id uuid, memory_ids uuid[], model text) set search_path = '';
alter function memory_embedding_states(model text) set search_path = '';
