-- What summaries were made of: a memory that sums others up is a memory like any other, and says here which these are.
--
-- A source that is deleted leaves its row, without saying which it was: the foreign key does that, so whoever deletes
-- it, the summary is known to tell of something that is gone. What a source said is kept as a hash, so a summary of
-- what has changed since is known as well, and nothing has to watch memories.
create table memory_sources (
    memory_id uuid not null,
    place bigint not null,
    source_id uuid null,
    content_hash bytea not null,
    constraint memory_sources_pkey primary key (memory_id, place),
    constraint memory_sources_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade,
    constraint memory_sources_source_id_fkey foreign key (source_id) references memories (id) on delete set null
);
create index ix_memory_sources_source_id on memory_sources using btree (source_id);

comment on table memory_sources is 'What summaries were made of. Written by complete_consolidation.';
comment on column memory_sources.memory_id is 'The summary; the row is deleted together with it.';
comment on column memory_sources.place is 'Which of the sources it is, from 1.';
comment on column memory_sources.source_id is 'The memory that went into the summary. NULL: it was deleted since.';
comment on column memory_sources.content_hash is 'SHA-256 of its content, in UTF-8, as the summary was made of it.';
comment on constraint memory_sources_pkey on memory_sources is
'Each source has a place. Also finds the sources of a summary.';
comment on constraint memory_sources_memory_id_fkey on memory_sources is
'Deleting a summary deletes what it was made of, and not the sources.';
comment on constraint memory_sources_source_id_fkey on memory_sources is
'Deleting a source leaves the summary, and says that it tells of something that is gone.';
comment on index ix_memory_sources_source_id is
'Finds the summaries of a memory; also keeps deleting one from scanning the whole table.';
