-- The words by which a memory is found, and those of a question. This one place decides what a word is.
--
-- 'simple' suits any language that puts spaces between words: it folds case, and neither drops nor shortens a word. For
-- one language, another configuration (\dF lists them) also finds other forms of a word. docs/search.md says how to
-- change it, and what Chinese, Japanese and Korean need.
--
-- Codes, addresses and file names are split at their signs, in a memory and in a question alike: PostgreSQL would take
-- INV-2026-0815 for inv, -2026 and -0815, and nginx.conf for a host, and neither would be found by a part. What stands
-- in angle brackets, as <ann@example.com>, it would take for a tag, and leave out.
--
-- A tsvector holds at most 1 MB, and more would be an error at each write. The first 100,000 characters always fit.
create function memory_words(content text) returns tsvector
language sql immutable strict parallel safe
begin atomic
    select to_tsvector('simple', translate(left(content, 100000), '-_/.@:#+<>&', '           '));
end;

comment on function memory_words(text) is
'The words of a memory or of a question, as search_memories_by_words compares them. Replace it to choose a language, '
'then reindex ix_memories_words.';
