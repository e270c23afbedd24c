alter function expire_memories(user_id uuid, memory_ids uuid[], expires_at timestamptz) reset search_path;
alter function pin_memories(user_id uuid, memory_ids uuid[], pinned boolean) reset search_path;
alter function memories_to_keep(user_id uuid, memory_ids uuid[]) reset search_path;
alter function prune_memories(batch integer) reset search_path;
alter function memories_are_recalled() reset search_path;
