-- The same of an embedding: of the bytes in which it is sent, which do not depend on the machine.
create function memory_embedding_hash(embedding vector) returns bytea
language sql immutable parallel safe
return substr(sha256(vector_send(embedding)), 1, 16);

comment on function memory_embedding_hash(embedding vector) is
'By which memory_embedding_sources knows an embedding again: 16 bytes of the SHA-256 of its binary form.';
