-- Rows stay as they are until they are written again.
alter table memories alter embedding set storage external;
