-- Keeps each embedding beside the rest of its row instead of in TOAST, where PostgreSQL puts what makes a row large.
--
-- A page has room for one embedding either way. To read one takes a look at one page then, not at six; so comparing a
-- user's memories takes a third to two thirds of the time. In return, whatever reads the table without its embeddings
-- reads more pages, and a change of another column writes the embedding again (docs/search-research.md).
--
-- The target lets content and metadata stay in the row as well, in what is left of the page. Otherwise, they would have
-- to go into TOAST instead. The setting of a table that has one already stays.
--
-- This changes nothing in rows that are there. The next migration writes the table anew, and does.
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
