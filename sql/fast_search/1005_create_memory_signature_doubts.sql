-- Tells which bits of a question's signature are doubtful: those of numbers close to the point at which a bit changes.
--
-- Such a bit could just as well have the other value. Close means within 0.013, half of what the numbers would be if
-- all were equally large. If doubtful bits count half, the same memories are found with half as many comparisons by
-- distance (docs/search-research.md).
-- A number is in a range if it is above the lower end, but not above the upper end.
-- formerly: 2bf1dc4d05f6dc9104c045e85c4d9c6c267e6280f441e380da98797c5b1bccd4
create function memory_signature_doubts(direction vector) returns bit varying
language sql immutable parallel safe
return
bitxor(
    binary_quantize(vector_add(direction, array_fill(0.013::real, array[1536])::vector)),
    binary_quantize(vector_sub(direction, array_fill(0.013::real, array[1536])::vector))
)
|| bitxor(
    binary_quantize(
        vector_sub(subvector(direction, 1, 512), array_fill(0.005::real, array[512])::vector)
    ),
    binary_quantize(
        vector_sub(subvector(direction, 1, 512), array_fill(0.031::real, array[512])::vector)
    )
);

comment on function memory_signature_doubts(vector) is
'Which bits of the signature of an embedding are doubtful: those of numbers close to the point where a bit changes.';
