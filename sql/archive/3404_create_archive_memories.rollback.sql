drop function archive_memories(
    user_id uuid,
    memory_ids uuid[],
    reason text,
    replaced_by uuid,
    with_embeddings boolean,
    valid_to timestamptz
);
drop function archive_memories_of_all(uuid[], text, uuid, boolean, timestamptz);
drop function require_memories(uuid[], uuid[]);
