drop function memory_answers_new_model(integer);
