-- The ids are keys again; foreign keys of other sets that refer to a user's memory go on to do so, by another index.
do $$
declare
    keys constant jsonb := (
        select jsonb_agg(
            jsonb_build_object(
                'table', k.conrelid::regclass::text,
                'name', k.conname,
                'definition', pg_get_constraintdef(k.oid),
                'comment', obj_description(k.oid, 'pg_constraint')
            )
        )
        from pg_constraint as k
        inner join pg_constraint as p on k.conindid = p.conindid and p.conname = 'memories_pkey' and p.contype = 'p'
        where k.contype = 'f' and k.confrelid = 'memories'::regclass and p.conrelid = 'memories'::regclass
    );
    part jsonb;
begin
    for part in select e.value from jsonb_array_elements(keys) as e (value) loop
        execute format('alter table %s drop constraint %I', part ->> 'table', part ->> 'name');
    end loop;
    alter table memories
    drop constraint memories_pkey,
    add constraint memories_pkey primary key using index memories_id_key;
    for part in select e.value from jsonb_array_elements(keys) as e (value) loop
        execute format(
            'alter table %s add constraint %I %s', part ->> 'table', part ->> 'name', part ->> 'definition'
        );
        execute format(
            'comment on constraint %I on %s is %L', part ->> 'name', part ->> 'table', part ->> 'comment'
        );
    end loop;
end
$$;

comment on constraint memories_pkey on memories is 'Each memory has its own id.';
