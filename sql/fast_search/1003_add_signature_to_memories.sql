-- Stores the signature of each embedding in its row. PostgreSQL computes it on every write, so it is never out of date.
--
-- Adding the column rewrites the table and its indexes, and nobody can read or write memories meanwhile. This takes 20
-- seconds for 100,000 memories, plus the time it takes to build the embedding index again. README.md says how to
-- shorten it. A trigger and an update of all rows would not block, but each updated row would be inserted into the
-- embedding index again, one by one. That takes many times as long, and leaves the table and the index twice as large.
-- formerly: 55c2202e140dd1c5cce97641529ae0db263ebf8f37073b5834b6957770b44574
-- formerly: 939fa50a211e9aec49bdc1594d5b1629812d856130a0eaffd069cef17d0f4c10
-- squawk-ignore-file adding-field-with-default, table-rewrite -- see above; memdb lint notes how long it takes
alter table memories
add signature bit(2048) generated always as (memory_signature(embedding)::bit(2048)) stored,
alter signature set storage plain;

comment on column memories.signature is
'Bits of which fewer differ the nearer two embeddings are; made from embedding. search_memories ranks by them first. '
'NULL where embedding is, or has no length that can be compared: such a memory is not found.';
