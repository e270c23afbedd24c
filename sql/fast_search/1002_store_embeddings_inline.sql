-- Stores each embedding inside its row instead of in TOAST, where PostgreSQL moves large values.
--
-- A page has room for one embedding either way. Reading one then takes one page instead of six, so comparing a user's
-- memories takes a third to two thirds of the time. In return, queries that read the table without its embeddings
-- read more pages, and an update of any other column writes the embedding again (docs/search-research.md).
--
-- With toast_tuple_target, content and metadata stay in the row as well, in the space that is left in the page. Without
-- it, they would move to TOAST instead. If the table already has a toast_tuple_target, it is left as it is.
--
-- Existing rows stay as they are until the next migration rewrites the table.
-- formerly: 399eb340d70f3d4d84a2f2edd008c1c63bc6e99128ad616f5d490c653ffc7f67
do $$
begin
    if not exists (
        select
        from pg_class
        cross join unnest(reloptions) as option
        where oid = 'memories'::regclass and option like 'toast\_tuple\_target=%'
    ) then
        alter table memories set (toast_tuple_target = 8160);
    end if;
    alter table memories alter embedding set storage plain;
end
$$;
