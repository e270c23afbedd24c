-- Which embedding of a memory a question is compared with in a collection, and as what a question is taken: those in
-- memories. When another model takes over (docs/changing-models.md), its migrations replace both bodies.
--
-- PostgreSQL inlines them, so that they cost nothing, and that is why no migration fixes their search_path: a function
-- with a setting is not inlined. Their bodies were parsed when they were made.
create function memory_embedding_in_collections(memory_id uuid, embedding vector, dimensions integer)
returns table (compared vector)
language sql stable parallel safe rows 1
begin atomic

    select memory_embedding_in_collections.embedding as compared;

end;

create function memory_question_in_collections(embedding vector) returns vector
language sql stable parallel safe
begin atomic

    select memory_question_in_collections.embedding::vector(1536);

end;

comment on function memory_embedding_in_collections(memory_id uuid, embedding vector, dimensions integer) is
'Part of search_memories_in_collection: what a question of so many dimensions is compared with, of a memory that has '
'this embedding in memories.';
comment on function memory_question_in_collections(embedding vector) is
'Part of search_memories_in_collection: the question, or an error if no model that answers has so many dimensions.';
