drop function unmerge_memories(user_id uuid, memory_id uuid);
drop function require_merged_given_along(memory_id uuid);
drop function require_unarchived(memory_id uuid);
