drop function noted_of_memory(memories regclass, memory_id uuid);
