drop function forget_rows(user_id uuid, memories regclass);
