-- Nothing has to be done here. The rollback builds the index of the former primary key while memories are read and
-- written; the rollback of 4015 makes it the key.
-- transactional: false
select 1;
