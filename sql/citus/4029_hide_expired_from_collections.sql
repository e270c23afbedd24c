-- The functions of 4027 leave out what has expired. memories_hidden_in_collections cannot say of whom it is asked.
-- alongside: collections retention
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4029_hide_expired_from_collections',
    'memories_hidden_in_collections'::regproc,
    'memories_hidden_in_collections_of_user'::regproc
);

create or replace function memories_hidden_in_collections() returns table (memory_id uuid)
language plpgsql stable parallel restricted
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
    return query
    select r.memory_id
    from memory_retention as r
    where r.expires_at <= statement_timestamp();
end;
$$;

select memory_fix_search_paths('memories_hidden_in_collections'::regproc);

create or replace function memories_hidden_in_collections_of_user(owner uuid) returns table (memory_id uuid)
language sql stable parallel restricted
begin atomic

    select e.memory_id from memories_expired(owner) as e;

end;
