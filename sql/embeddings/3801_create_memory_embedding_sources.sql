-- What the embedding of a memory was made of: beside memories, so that nothing is written there. The text and the
-- embedding are known again by their hashes. An embedding that somebody has stored since has another hash than the one
-- here: then nothing is known of it, whatever the row says.
create table memory_embedding_sources (
    memory_id uuid not null,
    model text not null,
    content_hash bytea not null,
    embedding_hash bytea not null,
    constraint memory_embedding_sources_pkey primary key (memory_id),
    constraint memory_embedding_sources_memory_id_fkey foreign key (memory_id) references memories (id)
    on delete cascade,
    constraint memory_embedding_sources_model_check check (model <> '')
);

comment on table memory_embedding_sources is
'Which model made the embedding of a memory, and of which text. Written by note_embedding_model and memdb embed.';
comment on column memory_embedding_sources.memory_id is 'The memory; the row is deleted together with it.';
comment on column memory_embedding_sources.model is 'The name of the model, as whoever asked it calls it.';
comment on column memory_embedding_sources.content_hash is
'memory_content_hash of the text that the model was given. If the memory has another one now, its embedding is stale.';
comment on column memory_embedding_sources.embedding_hash is
'memory_embedding_hash of the embedding that this row is about. If the memory has another one now, the row says '
'nothing.';
comment on constraint memory_embedding_sources_pkey on memory_embedding_sources is 'One row for a memory.';
comment on constraint memory_embedding_sources_memory_id_fkey on memory_embedding_sources is
'Deleting a memory deletes what its embedding was made of.';
comment on constraint memory_embedding_sources_model_check on memory_embedding_sources is
'A model has a name: where nothing is known, there is no row.';
