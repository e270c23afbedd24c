-- Vacuums the shards, whose rows are new: until then, a search reads the table for each row that it finds in the index
-- of signatures, and nobody knows how many rows there are. VACUUM cannot run in a transaction.
-- transactional: false
vacuum (analyze) memories;
