-- Named groups of a user's memories, such as a journal, a project or a set of goals.
-- squawk-ignore-file prefer-text-field -- the lengths are those of the application's own model
create table memory_collections (
    id uuid default gen_random_uuid(),
    user_id uuid not null,
    collection_type varchar(50) not null,
    name varchar(255) not null,
    description text null,
    created_at timestamptz not null default now(),
    constraint memory_collections_pkey primary key (id),
    constraint memory_collections_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

comment on table memory_collections is 'Named groups into which a user''s memories are gathered.';
comment on column memory_collections.id is 'Identifies the collection.';
comment on column memory_collections.user_id is 'Whose collection it is; it is deleted together with the user.';
comment on column memory_collections.collection_type is
'Kind of collection, chosen by the application: journal, goals and so on.';
comment on column memory_collections.name is 'Name that the user sees.';
comment on column memory_collections.description is 'What the collection is for, in the user''s words.';
comment on column memory_collections.created_at is 'When the collection was made.';
comment on constraint memory_collections_pkey on memory_collections is 'Each collection has its own id.';
comment on constraint memory_collections_user_id_fkey on memory_collections is
'Deleting a user deletes all of their collections.';
