-- There is nothing to take back: all rows are in the shards.
select 1;
