-- The unique index serves the same searches.
-- transactional: false
drop index concurrently ix_items_name;
