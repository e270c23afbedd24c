-- Vacuums the table, because 1003 has rewritten all rows and autovacuum may not run for a long time.
--
-- Until then, a search reads the table for each row that it finds in the index of signatures, and takes longer than the
-- plain query. Memories can be read and written meanwhile. VACUUM cannot run in a transaction.
-- transactional: false
vacuum (analyze) memories;
