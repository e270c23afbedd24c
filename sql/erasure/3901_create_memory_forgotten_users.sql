-- Who was forgotten, as a hash of their id: nobody can be named from it, and an id that is given can be looked up.
--
-- The salt is another one in each database, so hashes of one say nothing in another, and no table of hashes that was
-- made before is of use. Ids that can be guessed, such as small numbers, can be tried out by whoever reads both tables.
create table memory_forgotten_salt (
    salt bytea not null,
    constraint memory_forgotten_salt_pkey primary key (salt),
    constraint memory_forgotten_salt_salt_check check (length(salt) = 32)
);
create table memory_forgotten_users (
    digest bytea not null,
    forgotten_at timestamptz not null default now(),
    constraint memory_forgotten_users_pkey primary key (digest)
);

comment on table memory_forgotten_salt is
'What is hashed with the id of a user who is forgotten: one row, made at random, and never changed.';
comment on column memory_forgotten_salt.salt is 'Random bytes. With others, the hashes that are kept mean nothing.';
comment on constraint memory_forgotten_salt_pkey on memory_forgotten_salt is 'Each salt once.';
comment on constraint memory_forgotten_salt_salt_check on memory_forgotten_salt is 'As long as a hash.';
comment on table memory_forgotten_users is
'Users who were forgotten, so that no import brings them back. Delete the row of one who has come back themselves.';
comment on column memory_forgotten_users.digest is 'SHA-256 of the salt and the id as text: memory_user_digest(id).';
comment on column memory_forgotten_users.forgotten_at is 'When the user was forgotten last.';
comment on constraint memory_forgotten_users_pkey on memory_forgotten_users is 'Each user once.';

insert into memory_forgotten_salt (salt)
values (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
