create unique index concurrently memories_user_id_id_key on memories using btree (user_id, id);
