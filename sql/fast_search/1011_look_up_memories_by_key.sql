-- Has the memories that are compared by distance looked up by their key, under policies, too.
--
-- With the condition of a policy, that a row is of the user who asks, PostgreSQL may intersect the index of keys with
-- the index of users. For a user of many memories, that reads all entries of theirs for the sake of some 64, and a
-- search takes half as long again. Without bitmap scans it uses the key. Nothing else in the function would use one.
-- alongside: row_security
alter function search_memories_by_signature(uuid, vector, integer, memory_type[]) set enable_bitmapscan = off;
