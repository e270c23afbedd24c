drop index concurrently ix_items_name;
