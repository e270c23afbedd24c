-- Fixes the search_path of the functions, as 3316 does it for those of retention. Their bodies were parsed when they
-- were made, so it changes nothing of what they do.
-- alongside: row_security
alter function memory_user_digest(user_id uuid) set search_path = '';
alter function is_forgotten_user(user_id uuid) set search_path = '';
alter function forget_user(user_id uuid) set search_path = '';
