-- Fixes the search_path of the functions that write, as 1010 does it for those of fast_search. Their bodies were parsed
-- when they were made, so it changes nothing of what they do.
-- alongside: row_security
alter function note_memory_recalls(user_id uuid, memory_ids uuid[]) set search_path = '';
alter function set_memory_importance(user_id uuid, memory_ids uuid[], importance double precision) set search_path = '';
