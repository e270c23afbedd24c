alter function search_memories_in_collection(
    user_id uuid,
    collection_id uuid,
    embedding vector,
    k integer,
    tiers memory_type[],
    max_distance double precision,
    metadata jsonb,
    condition jsonpath
) reset search_path;
alter function memories_in_collection(user_id uuid, collection_id uuid) reset search_path;
alter function remove_from_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) reset search_path;
alter function add_to_collection(user_id uuid, collection_id uuid, memory_ids uuid[]) reset search_path;
