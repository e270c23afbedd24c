-- What memories have besides what memory_archive has columns for. The rows are locked in the order of their memories,
-- as those who note something lock them, so that nothing is written to them any more before they are deleted.
--
-- Temporary objects are looked up last: whoever had the session before may have left some.
--
-- Its name and the tables are looked up where memories is: in PL/pgSQL, names are not bound when a function is made.
create function rows_beside_memories(memories regclass, memory_ids uuid[])
returns table (memory_id uuid, beside jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO'
set intervalstyle = 'postgres'
set extra_float_digits = '1'
as $$
declare
    home constant regnamespace := (select c.relnamespace from pg_class as c where c.oid = memories);
    refused text;
    reading text;
begin
    execute format(
        'select min(m.refused), string_agg(format(
            ''select * from (select t.%%1$I as id, %%2$L as name, %%3$s as kept from %%4$s as t
            where t.%%1$I = any($1) order by t.%%1$I for update) as r'', m.key, m.name, m.kept, m.of
        ), '' union all '') from %s.memory_tables($1) as m',
        home
    ) into refused, reading using memories;
    if refused is not null then
        raise exception 'memories cannot be archived: %', refused using errcode = 'object_not_in_prerequisite_state',
            hint = 'Nothing was changed. The archive keeps rows that refer to memories themselves, in tables of their owner.';
    end if;
    return query execute format(
        'select r.id, jsonb_object_agg(r.name, r.kept) from (
            select r.id, r.name, jsonb_agg(r.kept) as kept from (%s) as r where r.kept <> ''{}'' or r.name <> ''memories''
            group by r.id, r.name
        ) as r group by r.id',
        reading
    ) using memory_ids;
end;
$$;

comment on function rows_beside_memories(regclass, uuid[]) is
'Part of archive_memories: the columns and rows of these memories that memory_archive has no columns for, as texts.';
