-- The embeddings of new_model_name, beside memories: filled while the former ones serve, so nothing there is written.
--
-- Users and tiers stand here as well, so that a search reads nothing else until it knows which memories are near. The
-- next migration keeps them as they are in memories. An embedding without a length that can be compared has no
-- signature, and is not found.
do $$
begin
    if exists (
        select
        from pg_proc
        where
            proname = 'search_memories_of_user'
            and pronamespace = (select relnamespace from pg_class where oid = 'memories'::regclass)
    ) then
        raise exception 'the table is not spread over shards, as the set citus has memories'
            using errcode = 'feature_not_supported',
                hint = 'Roll back the set citus first.';
    end if;
end
$$;

create table memory_embeddings_new_model (
    memory_id uuid not null,
    user_id uuid not null,
    memory_type memory_type not null,
    content_hash bytea not null,
    embedding vector(1536) not null,
    signature bit(2048) null generated always as (memory_signature_new_model(embedding)::bit(2048)) stored,
    constraint memory_embeddings_new_model_pkey primary key (memory_id),
    constraint memory_embeddings_new_model_memory_id_fkey foreign key (memory_id) references memories (id)
    on delete cascade,
    constraint memory_embeddings_new_model_user_id_fkey foreign key (user_id) references users (id)
    on delete cascade
);

-- As in fast_search: embeddings and signatures stay in their rows, and what is new is soon seen without reading them.
alter table memory_embeddings_new_model
alter embedding set storage plain,
alter signature set storage plain,
set (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.02);

-- squawk-ignore require-concurrent-index-creation -- the table is new, and nobody waits
create index ix_memory_embeddings_new_model_signature on memory_embeddings_new_model using btree (user_id)
include (memory_id, memory_type, signature);

comment on table memory_embeddings_new_model is
'Embeddings of memories by the model new_model_name. Written by memdb embed and set_memory_embeddings_new_model.';
comment on column memory_embeddings_new_model.memory_id is 'The memory; the row is deleted together with it.';
comment on column memory_embeddings_new_model.user_id is 'The user of the memory.';
comment on column memory_embeddings_new_model.memory_type is 'The tier of the memory.';
comment on column memory_embeddings_new_model.content_hash is
'16 bytes of the SHA-256 of the text that was embedded. If the memory has another text now, the embedding is stale.';
comment on column memory_embeddings_new_model.embedding is 'What the model made of the text.';
comment on column memory_embeddings_new_model.signature is
'Bits of which fewer differ the nearer two embeddings are; made from embedding.';
comment on constraint memory_embeddings_new_model_pkey on memory_embeddings_new_model is 'One row for a memory.';
comment on constraint memory_embeddings_new_model_memory_id_fkey on memory_embeddings_new_model is
'Deleting a memory deletes its embedding.';
comment on constraint memory_embeddings_new_model_user_id_fkey on memory_embeddings_new_model is
'Deleting a user deletes these embeddings, and an import for another user gives them to that one.';
comment on index ix_memory_embeddings_new_model_signature is
'All signatures of a user, with what a search needs besides.';
