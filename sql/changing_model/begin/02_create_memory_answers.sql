-- Which questions are answered by the embeddings of new_model_name, outside of search_memories_where: none until the
-- switch, then those of as many dimensions, and in the end all. The switch replaces the body together with that search,
-- and what compares embeddings in other sets asks here, so all of them change in one moment.
--
-- PostgreSQL inlines it, so what does not apply costs nothing. That is why no migration fixes its search_path.
create function memory_answers_new_model(dimensions integer) returns boolean
language sql immutable parallel safe
begin atomic

    select dimensions is null and false;

end;

comment on function memory_answers_new_model(integer) is
'Whether a question of so many dimensions is answered by embeddings of the model new_model_name.';
