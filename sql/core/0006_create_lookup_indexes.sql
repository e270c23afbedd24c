-- The ways in which the application looks up rows: by user, by tier, by age.
-- squawk-ignore-file require-concurrent-index-creation -- 0004 and 0005 have just made the tables; nobody writes yet
create index ix_memories_user_id on memories using btree (user_id);
create index ix_memories_memory_type on memories using btree (memory_type);
create index ix_memories_created_at on memories using btree (created_at);
create index ix_memory_collections_user_id on memory_collections using btree (user_id);

comment on index ix_memories_user_id is
'Finds a user''s memories; also keeps deleting a user from scanning the whole table.';
comment on index ix_memories_memory_type is 'Finds the memories of one tier.';
comment on index ix_memories_created_at is 'Finds memories by age, such as those that are due for pruning.';
comment on index ix_memory_collections_user_id is
'Finds a user''s collections; also keeps deleting a user from scanning the whole table.';
