-- Keeps each embedding beside the rest of its row instead of in TOAST, where PostgreSQL puts what makes a row large.
--
-- A page has room for one embedding either way. To read one takes a look at one page then, not at six; so comparing a
-- user's memories takes a third to two thirds of the time. In return, whatever reads the table without its embeddings
-- reads more pages, and a change of another column writes the embedding again (docs/search.md).
--
-- This changes nothing in rows that are there. The next migration writes the table anew, and does.
alter table memories alter embedding set storage plain;
