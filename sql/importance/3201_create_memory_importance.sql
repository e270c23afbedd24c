-- How much memories matter, and when they were recalled: beside memories, because each update there writes the
-- embedding and every index again. A memory without a row here has importance 0.5 and was never recalled.
--
-- No index has what changes, and half of each page is left free, so an update writes one new row version into the same
-- page and nothing else (HOT).
create table memory_importance (
    memory_id uuid not null,
    importance double precision not null default 0.5,
    recalls bigint not null default 0,
    recalled_at timestamptz null,
    constraint memory_importance_pkey primary key (memory_id),
    constraint memory_importance_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade,
    constraint memory_importance_importance_check check (importance between 0 and 1)
) with (fillfactor = 50);

comment on table memory_importance is
'How much memories matter and when they were recalled, as recall_memories weighs it. Written by '
'note_memory_recalls and set_memory_importance.';
comment on column memory_importance.memory_id is 'The memory; the row is deleted together with it.';
comment on column memory_importance.importance is
'How much the memory matters, 0 to 1, as the application judges it; 0.5 changes nothing.';
comment on column memory_importance.recalls is 'How often it was noted that the memory was recalled.';
comment on column memory_importance.recalled_at is 'When that was last noted; NULL if it never was.';
comment on constraint memory_importance_pkey on memory_importance is 'One row for a memory.';
comment on constraint memory_importance_memory_id_fkey on memory_importance is
'Deleting a memory deletes what was noted of it.';
comment on constraint memory_importance_importance_check on memory_importance is
'From 0 to 1; NaN is greater than both.';
