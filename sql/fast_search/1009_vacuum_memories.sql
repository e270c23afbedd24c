-- Has a vacuum see all rows, since 1003 has written them anew and autovacuum may be long in coming.
--
-- Until then the index of signatures must be checked against the table for each row, and a search takes longer than the
-- plain query. Memories can be read and written meanwhile. VACUUM cannot run in a transaction.
-- transactional: false
vacuum (analyze) memories;
