drop index concurrently items_name_key;
