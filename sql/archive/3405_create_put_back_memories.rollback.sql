drop function put_back_memories(memories regclass, archive regclass, user_id uuid, memory_ids uuid[]);
