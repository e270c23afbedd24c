-- One row per thing remembered about a user: its text, what it is about, and where it lies in meaning.
create table memories (
    id uuid default gen_random_uuid(),
    user_id uuid not null,
    memory_type memory_type not null,
    content text not null,
    embedding vector(1536) null,
    metadata jsonb null default '{}',
    created_at timestamptz not null default now(),
    accessed_at timestamptz not null default now(),
    constraint memories_pkey primary key (id),
    constraint memories_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

comment on table memories is
'What the companion remembers of each user, searchable by meaning (embedding), tier and time.';
comment on column memories.id is 'Identifies the memory.';
comment on column memories.user_id is 'Whose memory it is; it is deleted together with the user.';
comment on column memories.memory_type is 'Tier: personal, project or task; decides how long the memory is kept.';
comment on column memories.content is 'The memory itself, as text.';
comment on column memories.embedding is
'Meaning of content as 1536 numbers (OpenAI text-embedding-3-small), compared by cosine distance. '
'NULL until computed; such rows are not found by similarity.';
comment on column memories.metadata is
'Facts about the memory that differ by tier, such as source, stressor, goal_id or conversation_id.';
comment on column memories.created_at is 'When the memory was made.';
comment on column memories.accessed_at is 'When the memory was last recalled; pruning and ranking use it.';
comment on constraint memories_pkey on memories is 'Each memory has its own id.';
comment on constraint memories_user_id_fkey on memories is 'Deleting a user deletes all of their memories.';
