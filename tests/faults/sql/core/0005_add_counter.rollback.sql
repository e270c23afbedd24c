alter table items drop column counter;
