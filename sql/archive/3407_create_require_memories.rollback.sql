drop function require_memories(uuid[], uuid[]);
