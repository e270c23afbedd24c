-- Fixes the search_path of the functions, as linters of hosted databases want it, Supabase's among them.
--
-- It changes nothing of what they do: their bodies were parsed when they were made. But a function with a setting is
-- not inlined. From PostgreSQL 18 on, a search takes 0.03 to 0.07 ms longer; before, a prepared one is planned in
-- each call, which takes some 0.7 ms. A signature takes about half as long again, which shows in a COPY where there
-- is no HNSW index. That is why it is done only where security was asked for.
-- From here on, functions that policies call find this path in a search, and not that of the caller.
-- alongside: row_security
alter function memory_signature(vector) set search_path = '';
alter function memory_signature_doubts(vector) set search_path = '';
alter function search_memories_by_signature(uuid, vector, integer, memory_type[]) set search_path = '';
alter function search_memories_in_widths(uuid, vector, integer, memory_type[], integer)
set search_path = '';
alter function search_memories(uuid, vector, integer, memory_type[], double precision, jsonb, integer)
set search_path = '';
