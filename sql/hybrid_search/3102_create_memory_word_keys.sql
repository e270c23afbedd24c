-- What the index of words holds for a memory: each of its words behind a short digest of whose memory it is.
--
-- So a word is looked up among one user's memories, however many others there are and whatever they wrote. An index of
-- the words alone would read the memories of all users who have a word, and the time it takes would tell that they do.
-- Two users may share a digest, so a search compares the user as well.
--
-- A tsvector as text is 'one' 'two': what stands between two words is replaced, and before the first as well. Written
-- in this way, PostgreSQL puts the body in place of each call, so a write pays for no call of a function.
create function memory_word_keys(user_id uuid, words tsvector) returns tsvector
language sql immutable strict parallel safe
begin atomic
    select
        substr(
            replace(''' ' || strip(words)::text, ''' ''', ''' ''' || left(md5(user_id::text), 8)),
            3
        )::tsvector;
end;

comment on function memory_word_keys(user_id uuid, words tsvector) is
'Part of search_memories_by_words: the words of one user''s memory, as the index ix_memories_words holds them.';
