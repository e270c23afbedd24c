-- Which memories are in which collections: any number of them in any number of collections of the same user.
--
-- Both foreign keys hold the user as well. So no row joins a memory and a collection of two users, whoever writes it,
-- and neither of them can be given to somebody else while it is joined.
create table memory_collection_members (
    collection_id uuid not null,
    memory_id uuid not null,
    user_id uuid not null,
    added_at timestamptz not null default now(),
    constraint memory_collection_members_pkey primary key (collection_id, memory_id),
    constraint memory_collection_members_collection_id_fkey foreign key (collection_id, user_id)
    references memory_collections (id, user_id) on delete cascade,
    constraint memory_collection_members_memory_id_fkey foreign key (memory_id, user_id)
    references memories (id, user_id) on delete cascade
);
create index ix_memory_collection_members_memory_id on memory_collection_members using btree (memory_id);

comment on table memory_collection_members is
'Which memories are in which collections. Written by add_to_collection and remove_from_collection.';
comment on column memory_collection_members.collection_id is 'The collection; the row is deleted together with it.';
comment on column memory_collection_members.memory_id is 'The memory; the row is deleted together with it.';
comment on column memory_collection_members.user_id is 'Whose both are.';
comment on column memory_collection_members.added_at is 'When the memory came into the collection.';
comment on constraint memory_collection_members_pkey on memory_collection_members is
'A memory is in a collection once. Also finds what is in a collection.';
comment on constraint memory_collection_members_collection_id_fkey on memory_collection_members is
'The collection is the user''s. Deleting it empties it, and leaves the memories.';
comment on constraint memory_collection_members_memory_id_fkey on memory_collection_members is
'The memory is the user''s. Deleting it takes it out of all collections.';
comment on index ix_memory_collection_members_memory_id is
'Finds the collections of a memory; also keeps deleting one from scanning the whole table.';

-- A file that runs outside of a transaction holds one statement, so the comments on indexes of 3701 and 3702 are here.
comment on index ix_memories_id_user_id is 'Lets rows refer to a memory and to whose it is at once.';
comment on index ix_memory_collections_id_user_id is 'Lets rows refer to a collection and to whose it is at once.';
