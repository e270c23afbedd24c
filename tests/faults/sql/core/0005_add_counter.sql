alter table items add column counter int not null default 0;
update items set counter = counter + 1;
