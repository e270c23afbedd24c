create trigger memory_retention_follows_memory
after update of user_id on memories
for each row execute function retention_follows_memory();

comment on trigger memory_retention_follows_memory on memories is
'What is given to another user stays pinned, and stays expired.';
