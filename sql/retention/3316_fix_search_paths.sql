-- Fixes the search_path of the functions that write, as 3212 does it for those of importance. Their bodies were parsed
-- when they were made, so it changes nothing of what they do.
-- alongside: row_security
alter function prune_memories(batch integer) set search_path = '';
alter function memories_to_keep(user_id uuid, memory_ids uuid[]) set search_path = '';
alter function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean) set search_path = '';
alter function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) set search_path = '';
