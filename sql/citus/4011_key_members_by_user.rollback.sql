-- The key and the functions are again what they were.
-- squawk-ignore-file constraint-missing-not-valid, adding-serial-primary-key-field -- the former key, built at once
alter table memory_collection_members
drop constraint memory_collection_members_pkey,
add constraint memory_collection_members_pkey primary key (collection_id, memory_id);
comment on constraint memory_collection_members_pkey on memory_collection_members is
'A memory is in a collection once. Also finds what is in a collection.';

select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4011_key_members_by_user');
