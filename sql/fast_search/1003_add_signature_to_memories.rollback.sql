alter table memories drop signature;
