-- Stores embeddings by new_model_name, beside what the texts of their memories are now: for whoever adds memories.
--
-- The rows of memories are locked against changes until the transaction ends, as another tier would be missed.
create function set_memory_embeddings_new_model(user_id uuid, memory_ids uuid[], embeddings vector[]) returns bigint
language sql volatile
begin atomic

    with known as (
        select
            m.id,
            m.user_id,
            m.memory_type,
            substr(sha256(convert_to(m.content, 'UTF8')), 1, 16) as content_hash
        from memories as m
        where m.id = any(memory_ids) and m.user_id = set_memory_embeddings_new_model.user_id
        order by m.id
        for share of m
    ),

    stored as (
        insert into memory_embeddings_new_model as e (memory_id, user_id, memory_type, content_hash, embedding)
        select
            k.id,
            k.user_id,
            k.memory_type,
            k.content_hash,
            g.embedding
        from known as k
        inner join unnest(memory_ids, embeddings) as g (id, embedding) on k.id = g.id
        order by k.id
        on conflict (memory_id) do update
            set
                content_hash = excluded.content_hash,
                embedding = excluded.embedding
        returning e.memory_id
    )

    select count(*) from stored;

end;

comment on function set_memory_embeddings_new_model(uuid, uuid[], vector[]) is
'Stores an embedding by the model new_model_name for each of these memories of a user, of the text that it has now; '
'returns how many are the user''s.';
