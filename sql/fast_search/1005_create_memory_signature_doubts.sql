-- Tells which bits of a question's signature are doubtful: those of numbers close to the point at which a bit changes.
--
-- Such a bit could as well be the other one. Close means within 0.013, half of what the numbers would be if all were
-- equally large. Where doubtful bits count half, half as many comparisons by distance find the same
-- (docs/search-research.md).
-- In a range are those numbers that are above its lower end, but not above its upper end.
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
