-- What is in a collection has a key that begins with the user. The functions that write it go by the name of the key.
-- alongside: collections
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-serial-primary-key-field -- another key
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_keep_functions(
    '4011_key_members_by_user',
    'add_to_collection(uuid, uuid, uuid[])',
    'remove_from_collection(uuid, uuid, uuid[])'
);

create or replace function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    own uuid[];
    added bigint;
begin
    perform from memory_collections as c
    where c.user_id = add_to_collection.user_id and c.id = add_to_collection.collection_id
    for key share of c;
    if not found then
        return 0;
    end if;
    select array_agg(n.id) into own
    from (
        select m.id
        from memories as m
        where m.user_id = add_to_collection.user_id and m.id = any(memory_ids)
        order by m.id
        for key share of m
    ) as n;
    insert into memory_collection_members (user_id, collection_id, memory_id)
    select
        add_to_collection.user_id,
        add_to_collection.collection_id,
        n.id
    from unnest(own) as n (id)
    on conflict on constraint memory_collection_members_pkey do nothing;
    get diagnostics added = row_count;
    return added;
end;
$$;

create or replace function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) returns bigint
language plpgsql volatile
set plan_cache_mode = auto
as $$
#variable_conflict use_column
declare
    found_ids uuid[];
begin
    select array_agg(n.memory_id) into found_ids
    from (
        select c.memory_id
        from memory_collection_members as c
        where
            c.user_id = remove_from_collection.user_id
            and c.collection_id = remove_from_collection.collection_id
            and c.memory_id = any(memory_ids)
        order by c.memory_id
        for update of c
    ) as n;
    delete from memory_collection_members as c
    where
        c.user_id = remove_from_collection.user_id
        and c.collection_id = remove_from_collection.collection_id
        and c.memory_id = any(found_ids);
    return coalesce(cardinality(found_ids), 0);
end;
$$;

select memory_fix_search_paths(
    'add_to_collection(uuid, uuid, uuid[])',
    'remove_from_collection(uuid, uuid, uuid[])'
);

alter table memory_collection_members
drop constraint memory_collection_members_pkey,
add constraint memory_collection_members_pkey primary key (user_id, collection_id, memory_id);
comment on constraint memory_collection_members_pkey on memory_collection_members is
'A memory is in a collection once. Also finds what is in a collection.';
