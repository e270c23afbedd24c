create table items (
    id int,
    name text not null,
    place vector(16) not null,
    constraint items_pkey primary key (id)
);
