drop table memory_forgotten_users;
drop table memory_forgotten_salt;
