-- Turns an embedding into 2048 bits. Comparing two such signatures takes a few CPU instructions, and the fewer bits
-- differ, the nearer the embeddings are.
--
-- 1536 bits say which of the numbers are above zero. 512 more say which of the first 512 are large: above 0.018,
-- which is 0.7 times what they would be if all were equally large. With them, half as many of the memories nearest to a
-- question from another domain are missed. docs/search-research.md says what else was tried.
--
-- An embedding of zeros has no direction. The distance to one that is far too long or too short is NaN, infinite or
-- arbitrary, because pgvector sums squares in single precision. Such embeddings have no signature, and searches skip
-- memories without one.
--
-- The body is parsed when the function is created, so its names mean the same with any search_path. The function is not
-- strict, although NULL has no signature either: that allows PostgreSQL to inline it, which saves a call per row.
-- formerly: 34d899eefba0f88ef82143c0aca497c7f67842d726732ef73e872ca5e997f2c2
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
