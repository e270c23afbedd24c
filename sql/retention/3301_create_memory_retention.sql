-- How long single memories are kept: beside memories, because each update there writes the embedding and every index
-- again. A memory without a row here is kept as the rule of its tier says.
--
-- Whose the memory is stands here, too, so that what has expired of one user is found in an index, at each search.
create table memory_retention (
    memory_id uuid not null,
    user_id uuid not null,
    expires_at timestamptz null,
    pinned boolean not null default false,
    review_at timestamptz null,
    constraint memory_retention_pkey primary key (memory_id),
    constraint memory_retention_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade,
    constraint memory_retention_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint memory_retention_pinned_check check (not pinned or expires_at is null)
);
create index ix_memory_retention_expires_at on memory_retention using btree (expires_at) where expires_at is not null;
create index ix_memory_retention_user_id on memory_retention using btree (user_id, expires_at);

comment on table memory_retention is
'How long single memories are kept, whatever the rule of their tier. Written by expire_memories and pin_memories.';
comment on column memory_retention.memory_id is 'The memory; the row is deleted together with it.';
comment on column memory_retention.user_id is 'Whose memory it is.';
comment on column memory_retention.expires_at is
'From when on no search finds the memory and pruning deletes it, whether it was recalled or not. NULL: no such time.';
comment on column memory_retention.pinned is 'Whether the memory is kept, whatever the rule of its tier says.';
comment on column memory_retention.review_at is
'When somebody wants to look at the memory again. Only memdb prune reads it, and says how many there are.';
comment on constraint memory_retention_pkey on memory_retention is 'One row for a memory.';
comment on constraint memory_retention_memory_id_fkey on memory_retention is
'Deleting a memory deletes how long it was to be kept.';
comment on constraint memory_retention_user_id_fkey on memory_retention is
'Deleting a user deletes how long their memories were to be kept.';
comment on constraint memory_retention_pinned_check on memory_retention is 'What is pinned does not expire.';
comment on index ix_memory_retention_expires_at is
'Finds what has expired, however much is kept: memories that never expire are not in it.';
comment on index ix_memory_retention_user_id is
'Finds what has expired of one user''s memories: memories_expired reads it.';
