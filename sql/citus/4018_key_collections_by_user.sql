-- The same for collections. By itself, so that nobody waits for one table who holds the other.
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-serial-primary-key-field -- another key
alter table memory_collections
drop constraint memory_collections_pkey,
add constraint memory_collections_pkey primary key (user_id, id);

comment on constraint memory_collections_pkey on memory_collections is 'Each collection of a user has its own id.';
