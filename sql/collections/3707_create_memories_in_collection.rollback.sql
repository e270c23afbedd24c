drop function memories_in_collection(user_id uuid, collection_id uuid);
