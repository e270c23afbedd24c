-- Says what is wrong where a memory cannot replace another: a function in SQL cannot.
create function require_memories(wanted uuid[], there uuid[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    missing constant uuid := (select min(w.id::text)::uuid from unnest(wanted) as w (id) where w.id <> all(there));
begin
    if array_position(wanted, null) is not null or wanted[1] = wanted[2] then
        raise exception 'a memory is replaced by another one' using errcode = 'invalid_parameter_value',
            hint = 'Nothing was changed. Give the ids of two memories.';
    end if;
    if missing is not null then
        raise exception 'memory % is not among the memories of this user', missing using errcode = 'no_data_found',
            hint = 'Nothing was changed. If it is archived, memory_versions says what replaced it, and restore_memories '
                'brings it back.';
    end if;
end;
$$;

comment on function require_memories(uuid[], uuid[]) is
'Part of supersede_memory: raises an error for what is not there.';
