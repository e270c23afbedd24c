drop view memories_of_new_model;
