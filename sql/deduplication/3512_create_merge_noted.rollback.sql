drop function merge_noted(memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb);
drop function lock_noted(memories regclass, memory_ids uuid[]);
