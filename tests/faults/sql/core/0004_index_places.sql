-- The comment that every file has, before the statement that is looked for in it.
-- transactional: false
create index concurrently if not exists "IX items/place" on items using hnsw (place vector_cosine_ops)
with (m = 4, ef_construction = 16);
