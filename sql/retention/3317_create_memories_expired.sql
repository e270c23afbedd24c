-- Which memories of a user have expired: no search finds them from that moment on, whenever they are pruned.
--
-- PostgreSQL inlines it into the search, which reads one entry of the index where nothing has expired. That is why no
-- migration fixes its search_path: a function with a setting is not inlined. Its body was parsed when it was made.
--
-- The index is read from the user's first entry up to this moment, which both conditions say: with equality, a generic
-- plan may read the whole table, and by a range of users alone, a search would read all that is yet to expire.
create function memories_expired(user_id uuid) returns table (memory_id uuid)
language sql stable parallel safe
begin atomic

    select r.memory_id
    from memory_retention as r
    where
        r.user_id between memories_expired.user_id and memories_expired.user_id
        and (r.user_id, r.expires_at) <= (memories_expired.user_id, statement_timestamp());

end;

comment on function memories_expired(user_id uuid) is
'The memories of a user that have expired. They are there until they are pruned, and no search finds them.';
