-- Nothing has to be done here. The rollback vacuums the table that the rollback of 4050 has filled, as 4051 does the
-- shards.
-- transactional: false
select 1;
