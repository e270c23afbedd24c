delete from items;
