-- Says of the embeddings that these memories have now, that a model made them of the texts that they have now, however
-- many they are. One that is being deleted is passed over, so nothing here waits for who deletes; all are locked in the
-- order of their ids.
create function note_embedding_model(user_id uuid, memory_ids uuid[], model text) returns bigint
language sql volatile
begin atomic

    with known as (
        select
            m.id,
            memory_content_hash(m.content) as content_hash,
            memory_embedding_hash(m.embedding) as embedding_hash
        from memories as m
        where m.id = any(memory_ids) and m.user_id = note_embedding_model.user_id and m.embedding is not null
        order by m.id
        for key share of m skip locked
    ),

    noted as (
        insert into memory_embedding_sources as s (memory_id, model, content_hash, embedding_hash)
        select
            k.id,
            note_embedding_model.model,
            k.content_hash,
            k.embedding_hash
        from known as k
        order by k.id
        on conflict (memory_id) do update
            set
                model = excluded.model,
                content_hash = excluded.content_hash,
                embedding_hash = excluded.embedding_hash
        returning s.memory_id
    )

    select count(*) from noted;

end;

comment on function note_embedding_model(user_id uuid, memory_ids uuid[], model text) is
'Says that a model made the embeddings that these memories have now, of the texts that they have now; returns how many '
'are the user''s and have an embedding. Call it in the transaction that stores them.';
