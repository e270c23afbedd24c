create table notes (
    item_id int not null,
    note text not null,
    constraint notes_item_id_fkey foreign key (item_id) references items (id)
);
insert into notes
select
    id,
    'note on ' || name
from items;
comment on table notes is 'One for each item.';
