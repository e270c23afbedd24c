drop function rows_beside_memories(regclass, uuid[]);
