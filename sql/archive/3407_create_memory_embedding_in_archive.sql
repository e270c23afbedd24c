-- Which embedding of an archived memory a question is compared with, and as what a question is taken: those that
-- memories had. When another model takes over (docs/changing-models.md), its migrations replace both bodies; what it
-- made of a memory is archived with what else was beside it.
--
-- PostgreSQL inlines them, so no migration fixes their search_path, as with memory_embedding_in_collections.
create function memory_embedding_in_archive(embedding vector, beside jsonb, dimensions integer)
returns table (compared vector)
language sql stable parallel safe rows 1
begin atomic

    select memory_embedding_in_archive.embedding as compared;

end;

create function memory_question_in_archive(embedding vector) returns vector
language sql stable parallel safe
begin atomic

    select memory_question_in_archive.embedding::vector(1536);

end;

comment on function memory_embedding_in_archive(embedding vector, beside jsonb, dimensions integer) is
'Part of search_memory_archive: what a question of so many dimensions is compared with, of a row of memory_archive.';
comment on function memory_question_in_archive(embedding vector) is
'Part of search_memory_archive: the question, or an error if no model that answers has so many dimensions.';
