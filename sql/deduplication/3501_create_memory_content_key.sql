-- What two texts have in common if they say the same: a digest of the text in Unicode's composed form (NFC), with each
-- run of white space as one space, and none at the ends.
--
-- Only what cannot change the meaning is levelled, because add_memory_once stores nothing where the key is there. So
-- upper case stays apart from lower case (a password, a unit), and "10²" from "102", which the compatible form (NFKC)
-- would make one. What differs in such things alone is found by near_duplicates.
--
-- The key is the same on each machine: no locale has a say, and NFC of a text does not change with newer versions of
-- Unicode once its characters are known. White space is what Unicode calls so. A database in another encoding than UTF8
-- cannot normalise; there, texts are compared as they are, but for the white space of ASCII.
--
-- In PL/pgSQL a call takes some microseconds on all versions; SQL would be planned anew by each insert before 18. Texts
-- in ASCII need no Unicode and are done in a fifth of the time. A single space is left as it is, which is quicker.
create function memory_content_key(content text) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(content) = length(content) or getdatabaseencoding() <> 'UTF8' then
        return md5(btrim(regexp_replace(content, '[\u0009-\u000d]|[\u0009-\u000d\u0020]{2,}', ' ', 'g'), ' '));
    end if;
    return md5(btrim(regexp_replace(
        normalize(content),
        '[\u0009-\u000d\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
        '|[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{2,}',
        ' ', 'g'
    ), ' '));
end;
$$;

comment on function memory_content_key(content text) is
'The same for texts that differ in nothing but white space and the form of their characters. Replace it to level more, '
'then reindex ix_memories_content_key.';
