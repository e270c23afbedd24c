-- What a memory was before others were merged into it, so that it can be taken back: the others are in memory_archive,
-- which says by replaced_by where each went. One row for a memory, however many were merged into it, and when.
--
-- If the memory itself is merged into another, its row goes to the archive with it, and comes back with it.
-- alongside: archive
create table memory_merges (
    memory_id uuid not null,
    created_at timestamptz not null,
    accessed_at timestamptz not null,
    noted_before jsonb not null default '{}',
    noted_after jsonb not null default '{}',
    merged_at timestamptz not null default now(),
    constraint memory_merges_pkey primary key (memory_id),
    constraint memory_merges_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade
);

comment on table memory_merges is
'What memories were before others were merged into them. Written by merge_memories, and taken back by '
'unmerge_memories.';
comment on column memory_merges.memory_id is 'The memory that was kept; the row is deleted together with it.';
comment on column memory_merges.created_at is 'When the memory itself was made.';
comment on column memory_merges.accessed_at is 'When it was last recalled, before the first merge.';
comment on column memory_merges.noted_before is
'Its rows in memory_importance and memory_retention before the first merge, and its collections, by the table.';
comment on column memory_merges.noted_after is
'The same after the last merge. A row that is not so any more has been changed since, and is not taken back.';
comment on column memory_merges.merged_at is 'When others were last merged into it.';
comment on constraint memory_merges_pkey on memory_merges is 'One row for a memory.';
comment on constraint memory_merges_memory_id_fkey on memory_merges is
'Deleting a memory deletes what it was before merges.';
