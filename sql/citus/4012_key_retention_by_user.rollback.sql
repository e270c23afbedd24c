-- The keys, the functions and the rights are again what they were.
-- squawk-ignore-file constraint-missing-not-valid, adding-serial-primary-key-field -- the former key, built at once
-- squawk-ignore-file adding-foreign-key-constraint -- the rows are few and narrow
alter table memory_retention
drop constraint memory_retention_pkey,
drop constraint memory_retention_memory_id_fkey;
alter table memory_retention
add constraint memory_retention_pkey primary key (memory_id),
add constraint memory_retention_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade;
comment on constraint memory_retention_pkey on memory_retention is 'One row for a memory.';
comment on constraint memory_retention_memory_id_fkey on memory_retention is
'Deleting a memory deletes how long it was to be kept.';

select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4012_key_retention_by_user');
