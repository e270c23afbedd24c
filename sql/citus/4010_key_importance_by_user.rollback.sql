-- The keys and the functions are again what they were, and rows do not say whose they are.
-- squawk-ignore-file constraint-missing-not-valid, adding-serial-primary-key-field -- the former key, built at once
-- squawk-ignore-file adding-foreign-key-constraint -- the rows are few and narrow
alter table memory_importance
drop constraint memory_importance_pkey,
drop constraint memory_importance_memory_id_fkey;
alter table memory_importance
drop column user_id,
add constraint memory_importance_pkey primary key (memory_id),
add constraint memory_importance_memory_id_fkey foreign key (memory_id) references memories (id) on delete cascade;
comment on constraint memory_importance_pkey on memory_importance is 'One row for a memory.';
comment on constraint memory_importance_memory_id_fkey on memory_importance is
'Deleting a memory deletes what was noted of it.';

select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4010_key_importance_by_user');
