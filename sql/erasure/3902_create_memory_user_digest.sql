-- The hash by which a user who was forgotten is known.
create function memory_user_digest(user_id uuid) returns bytea
language sql stable parallel safe
begin atomic

    select sha256(s.salt || convert_to(memory_user_digest.user_id::text, 'UTF8'))
    from memory_forgotten_salt as s;

end;

comment on function memory_user_digest(user_id uuid) is
'What memory_forgotten_users has for a user who was forgotten.';
