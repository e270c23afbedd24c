-- The first 16 bytes of a SHA-256, which is the same on every server and in every program: of UTF-8, whatever the
-- encoding of the database.
create function memory_content_hash(content text) returns bytea
language sql stable parallel safe
return substr(sha256(convert_to(content, 'UTF8')), 1, 16);

comment on function memory_content_hash(text) is
'By which memory_embedding_sources knows the text again that an embedding was made of: 16 bytes of its SHA-256.';
