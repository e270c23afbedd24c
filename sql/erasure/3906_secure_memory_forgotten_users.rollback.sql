-- Whoever has rights on the tables reads and writes all of them again.
drop policy memory_forgotten_salt_select on memory_forgotten_salt;
drop policy memory_forgotten_users_select on memory_forgotten_users;
alter table memory_forgotten_salt disable row level security;
alter table memory_forgotten_users disable row level security;
