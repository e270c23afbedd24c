-- Primary keys begin with the user: over many shards, only what is in one of them can be held unique, and all that is
-- one user's is in one. The id stays unique as long as it is made at random, as it is where nobody gives one.
--
-- The index of 4004 becomes the key, so this takes a moment only.
-- squawk-ignore-file ban-drop-constraint -- another takes its place
alter table memories
drop constraint memories_pkey,
add constraint memories_pkey primary key using index memories_user_id_id_key;

comment on constraint memories_pkey on memories is 'Each memory of a user has its own id.';
