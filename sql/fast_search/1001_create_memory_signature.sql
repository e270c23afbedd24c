-- Turns an embedding into 2048 bits, of which a few CPU instructions tell how near two embeddings are.
--
-- 1536 bits say which of the numbers are above zero. 512 more say which of the first 512 are large: above 0.018,
-- which is 0.7 times what they would be if all were equally large. With them, half as many of the memories nearest to a
-- question from another domain are overlooked. docs/search-research.md says what else was tried.
--
-- An embedding of zeros has no direction, and of one that is far too long or short the distance is NaN, infinite or
-- chance, as pgvector sums squares in real numbers. These have no signature, and whoever searches asks for one.
--
-- The body is parsed when the function is created, so its names keep their meaning whatever the search_path. It is not
-- strict, though NULL has no signature either: so it becomes part of the statement, which saves a call for each row.
create function memory_signature(embedding vector) returns bit varying
language sql immutable parallel safe
return
case
    when vector_norm(embedding) between 1e-15 and 1e15
        then
            binary_quantize(embedding)
            || binary_quantize(
                vector_sub(subvector(l2_normalize(embedding), 1, 512), array_fill(0.018::real, array[512])::vector)
            )
end;

comment on function memory_signature(vector) is
'Signature of an embedding: 2048 bits, of which fewer differ the nearer two embeddings are. NULL if its length is not '
'between 1e-15 and 1e15, as no distance to it means anything.';
