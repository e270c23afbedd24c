-- The keys and the functions are again what they were, and rows do not say whose they are.
-- squawk-ignore-file constraint-missing-not-valid, adding-serial-primary-key-field -- the former key, built at once
-- squawk-ignore-file adding-foreign-key-constraint -- rows are narrow
alter table memory_embedding_sources
drop constraint memory_embedding_sources_pkey,
drop constraint memory_embedding_sources_memory_id_fkey;
alter table memory_embedding_sources
drop column user_id,
add constraint memory_embedding_sources_pkey primary key (memory_id),
add constraint memory_embedding_sources_memory_id_fkey foreign key (memory_id) references memories (id)
on delete cascade;
comment on constraint memory_embedding_sources_pkey on memory_embedding_sources is 'One row for a memory.';
comment on constraint memory_embedding_sources_memory_id_fkey on memory_embedding_sources is
'Deleting a memory deletes what its embedding was made of.';

select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4013_key_embedding_sources_by_user');
