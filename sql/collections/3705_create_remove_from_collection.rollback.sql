drop function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]);
