-- A memory in a shard is never given to another user: Citus refuses to change the column by which it is spread. So
-- nothing has to follow it, and Citus refuses the trigger.
-- alongside: retention
drop trigger memory_retention_follows_memory on memories;
