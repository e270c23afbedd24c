-- Memories that do not hold any more, or that nobody needs: what was replaced by a newer one, merged into another, or
-- pruned. They are not in memories, so no search in whatever language finds them, no index there has them, and nothing
-- in memories is updated. archive_memories brings them here, restore_memories brings them back.
--
-- The user is in the key: whoever may write rows of their own, and knows an id, is not in the way of another's memory.
create table memory_archive (
    id uuid not null,
    user_id uuid not null,
    memory_type memory_type not null,
    content text not null,
    embedding vector(1536) null,
    metadata jsonb null,
    created_at timestamptz not null,
    accessed_at timestamptz not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    archived_at timestamptz not null default now(),
    reason text not null,
    replaced_by uuid null,
    beside jsonb not null default '{}',
    constraint memory_archive_pkey primary key (id, user_id),
    constraint memory_archive_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint memory_archive_reason_check check (reason in ('superseded', 'merged', 'pruned')),
    constraint memory_archive_replaced_by_check check ((reason = 'pruned') = (replaced_by is null)),
    constraint memory_archive_valid_to_check check (valid_from <= valid_to)
);
create index ix_memory_archive_user_id on memory_archive using btree (user_id);
create index ix_memory_archive_replaced_by on memory_archive using btree (replaced_by) where replaced_by is not null;

comment on table memory_archive is
'Memories that were replaced by newer ones, merged into others, or pruned. No search finds them but '
'search_memory_archive. Written by archive_memories; restore_memories brings them back.';
comment on column memory_archive.id is 'The id that the memory had, and gets back.';
comment on column memory_archive.user_id is 'Whose memory it is; it is deleted together with the user.';
comment on column memory_archive.memory_type is 'Its tier.';
comment on column memory_archive.content is 'The memory itself, as text.';
comment on column memory_archive.embedding is 'Its embedding. NULL if it was archived without, or had none.';
comment on column memory_archive.metadata is 'Its metadata.';
comment on column memory_archive.created_at is 'When the memory was made.';
comment on column memory_archive.accessed_at is 'When it was last recalled.';
comment on column memory_archive.valid_from is
'From when on it held: since it was made, or since what it replaced held no longer, whichever is earlier.';
comment on column memory_archive.valid_to is 'Until when it held.';
comment on column memory_archive.archived_at is 'When it was archived.';
comment on column memory_archive.reason is
'Why: superseded by a newer memory, merged into another, or pruned by a rule of the set retention.';
comment on column memory_archive.replaced_by is
'The memory that stands in its place, which may be archived itself by now. NULL for what was pruned.';
comment on column memory_archive.beside is
'What it had besides, as texts: {"memories": [{column: value}]} for columns that an application has added, and '
'{"table.column": [{column: value}]} for rows of tables that referred to it.';
comment on constraint memory_archive_pkey on memory_archive is 'A memory is archived once.';
comment on constraint memory_archive_user_id_fkey on memory_archive is
'Deleting a user deletes all of their archived memories.';
comment on constraint memory_archive_reason_check on memory_archive is 'The reasons that there are.';
comment on constraint memory_archive_replaced_by_check on memory_archive is
'What was superseded or merged says by which memory; what was pruned was replaced by none.';
comment on constraint memory_archive_valid_to_check on memory_archive is 'A time ends after it began.';
comment on index ix_memory_archive_user_id is 'Finds the archived memories of one user.';
comment on index ix_memory_archive_replaced_by is 'Finds what a memory has replaced.';
