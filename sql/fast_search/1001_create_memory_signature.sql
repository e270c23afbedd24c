-- Turns an embedding into 2048 bits, of which a few CPU instructions tell how near two embeddings are.
--
-- 1536 bits say which of the numbers are above zero. 512 more say which of the first 512 are large: above 0.018,
-- which is 0.7 times what they would be if all were equally large. With them, half as many of the memories nearest to a
-- question from another domain are overlooked. docs/search.md says what else was tried.
--
-- The body is parsed when the function is created, so its names keep their meaning whatever the search_path.
create function memory_signature(embedding vector) returns bit varying
language sql immutable strict parallel safe
return
binary_quantize(embedding)
|| binary_quantize(
    vector_sub(subvector(l2_normalize(embedding), 1, 512), array_fill(0.018::real, array[512])::vector)
);

comment on function memory_signature(vector) is
'Signature of an embedding: 2048 bits, of which fewer differ the nearer two embeddings are.';
