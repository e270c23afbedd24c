-- squawk-ignore-file constraint-missing-not-valid, adding-serial-primary-key-field -- the former key, built at once
alter table memory_collections
drop constraint memory_collections_pkey,
add constraint memory_collections_pkey primary key (id);

comment on constraint memory_collections_pkey on memory_collections is 'Each collection has its own id.';
