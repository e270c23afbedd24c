-- Takes memories out of a collection, in the order of their ids; the memories stay.
create function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) returns bigint
language sql volatile
begin atomic

    with found as materialized (
        select c.memory_id
        from memory_collection_members as c
        where
            c.collection_id = remove_from_collection.collection_id
            and c.user_id = remove_from_collection.user_id
            and c.memory_id = any(memory_ids)
        order by c.memory_id
        for update of c
    ),

    removed as (
        delete from memory_collection_members as c
        using found as f
        where c.collection_id = remove_from_collection.collection_id and c.memory_id = f.memory_id
        returning 1
    )

    select count(*) from removed;

end;

comment on function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) is
'Takes memories out of a collection of a user, and returns how many were in it.';
