create unique index concurrently memories_id_key on memories using btree (id);
