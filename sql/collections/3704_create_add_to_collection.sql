-- Puts memories into a collection, any number of them in one statement. Those of others are passed over. Who
-- is deleting one, or has it locked, is waited for, and it is passed over if it is gone by then: so what stays is not
-- left out, and no foreign key fails at the end.
--
-- Locked in the order of their ids, so two sessions that add the same memories never wait each for the other.
create function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) returns bigint
language sql volatile
begin atomic

    with collection as materialized (
        select
            c.id,
            c.user_id
        from memory_collections as c
        where c.id = add_to_collection.collection_id and c.user_id = add_to_collection.user_id
        for key share of c
    ),

    own as materialized (
        select m.id
        from memories as m
        where m.id = any(memory_ids) and m.user_id = add_to_collection.user_id
        order by m.id
        for key share of m
    ),

    added as (
        insert into memory_collection_members (collection_id, memory_id, user_id)
        select
            c.id as collection_id,
            o.id as memory_id,
            c.user_id
        from collection as c
        cross join own as o
        order by o.id
        on conflict (collection_id, memory_id) do nothing
        returning 1
    )

    select count(*) from added;

end;

comment on function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) is
'Puts memories of a user into one of their collections, and returns how many were not in it. What is another user''s '
'is passed over.';
