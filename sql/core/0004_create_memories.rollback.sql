drop table memories;
