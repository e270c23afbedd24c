-- Memories with their embeddings by new_model_name, for searches and for SQL of your own.
--
-- With a left join, PostgreSQL reads nothing of memories where nothing of it is asked for. Who reads the view needs
-- rights to both tables, and is held to the policies of both.
create view memories_of_new_model
with (security_invoker = true) as
select
    e.memory_id as id,
    e.user_id,
    e.memory_type,
    m.content,
    e.embedding,
    m.metadata,
    m.created_at,
    m.accessed_at,
    e.content_hash,
    e.signature
from memory_embeddings_new_model as e
left join memories as m on e.memory_id = m.id;

comment on view memories_of_new_model is
'Memories that have an embedding by the model new_model_name, with it.';
