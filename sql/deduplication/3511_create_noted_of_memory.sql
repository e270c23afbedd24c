-- What the sets importance and retention have noted of a memory: the row of each of their tables, null where there is
-- none; and in which collections it is, by the set collections. They may be applied later than this set, so the tables
-- are looked up where memories is. The same rows read the same in every session, and are without the id and
-- the user, which an import may change.
-- alongside: archive
create function noted_of_memory(memories regclass, memory_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set extra_float_digits = '1'
as $$
declare
    noted jsonb := '{}';
    noted_of jsonb;
    part record;
begin
    for part in
        select t.oid::regclass as name, t.relname from pg_class as t
        where
            t.relnamespace = (select m.relnamespace from pg_class as m where m.oid = memories)
            and t.relname in ('memory_importance', 'memory_retention') and t.relkind = 'r'
    loop
        execute format('select to_jsonb(t) - ''memory_id'' - ''user_id'' from %s as t where t.memory_id = $1', part.name)
            into noted_of using memory_id;
        noted := noted || jsonb_build_object(part.relname, noted_of);
    end loop;
    for part in
        select t.oid::regclass as name, t.relname from pg_class as t
        where
            t.relnamespace = (select m.relnamespace from pg_class as m where m.oid = memories)
            and t.relname = 'memory_collection_members' and t.relkind = 'r'
    loop
        execute format(
            'select coalesce(jsonb_agg(t.collection_id order by t.collection_id), ''[]'') from %s as t
            where t.memory_id = $1', part.name
        ) into noted_of using memory_id;
        noted := noted || jsonb_build_object(part.relname, noted_of);
    end loop;
    return noted;
end;
$$;

comment on function noted_of_memory(memories regclass, memory_id uuid) is
'Part of merge_memories: the rows of a memory in memory_importance and memory_retention, and the collections that it '
'is in, where there are such tables.';
