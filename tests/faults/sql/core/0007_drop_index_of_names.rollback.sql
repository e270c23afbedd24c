create index concurrently ix_items_name on items (name);
