-- Keeps the signature of each embedding in its row. PostgreSQL computes it on every write: nothing can be forgotten.
--
-- Adding the column writes the table and its indexes anew, and nobody can read or write memories meanwhile: 20 seconds
-- for 100,000 memories, and as long again as the embedding index took to build. README.md says how to shorten that.
-- A trigger and an update of all rows would not lock, but every row that it updates goes into the embedding index once
-- more, one by one, which takes many times as long and leaves table and index twice as large.
-- squawk-ignore-file adding-field-with-default -- see above
alter table memories
add signature bit(2048) generated always as (memory_signature(embedding)::bit(2048)) stored,
alter signature set storage plain;

comment on column memories.signature is
'Bits of which fewer differ the nearer two embeddings are; made from embedding. search_memories ranks by them first. '
'NULL where embedding is, or has no length that can be compared: such a memory is not found.';
