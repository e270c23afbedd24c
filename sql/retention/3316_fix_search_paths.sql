-- Fixes the search_path of the functions, as 3211 does it for those of importance. Their bodies were parsed when they
-- were made, so it changes nothing of what they do.
--
-- memories_expired, memory_recalls and memories_due stay as they are: with a fixed path, PostgreSQL would no longer put
-- their bodies in place of each call. Each search would call a function more, and each batch of a prune would look for
-- all that is due before it takes the first.
-- alongside: row_security
alter function memories_are_recalled() set search_path = '';
alter function prune_memories(batch integer) set search_path = '';
alter function memories_to_keep(user_id uuid, memory_ids uuid[]) set search_path = '';
alter function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean) set search_path = '';
alter function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) set search_path = '';
