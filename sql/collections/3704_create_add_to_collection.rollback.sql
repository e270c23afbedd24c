drop function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]);
