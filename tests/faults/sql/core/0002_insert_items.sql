-- Applied twice, this would fail; applied by halves, the number of rows would tell.
insert into items
select
    n,
    'item ' || n,
    array(select sin(n * dimension) from generate_series(1, 16) as dimension)::vector
from generate_series(1, 200) as n;
