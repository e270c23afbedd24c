-- Nothing has to be done here. The rollback builds the index of 4004 again, which 4015 has made the primary key.
-- transactional: false
select 1;
