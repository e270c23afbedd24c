-- Gives a memory back what was noted of it before others were merged into it. What has been changed since stays, but
-- for the recalls of the others, which are theirs again. `noted` is what noted_of_memory says of it.
-- alongside: archive
create function unmerge_noted(
    memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb, noted_before jsonb, noted_after jsonb
)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    place constant text := (select c.relnamespace::regnamespace from pg_class as c where c.oid = memories);
    part text;
begin
    for part in select jsonb_object_keys(noted) loop
        if part = 'memory_collection_members' then
            if noted -> part = noted_after -> part then
                execute format(
                    'delete from %s.%I as t where t.memory_id = $1 and not $2 ? t.collection_id::text', place, part
                ) using memory_id, noted_before -> part;
            end if;
        elsif noted -> part = noted_after -> part then
            execute format('delete from %s.%I as t where t.memory_id = $1', place, part) using memory_id;
            execute format(
                'insert into %1$s.%2$I
                select t.* from %3$s as m cross join lateral jsonb_populate_record(
                    null::%1$s.%2$I, $1 || jsonb_build_object(''memory_id'', m.id, ''user_id'', m.user_id)
                ) as t
                where m.id = $2 and $1 is not null',
                place, part, memories
            ) using nullif(noted_before -> part, 'null'), memory_id;
        elsif part = 'memory_importance' then
            execute format(
                'update %1$s.memory_importance as i
                set recalls = greatest(i.recalls - coalesce((
                    select sum(o.recalls) from %1$s.memory_importance as o where o.memory_id = any($2)
                ), 0), 0)
                where i.memory_id = $1',
                place
            ) using memory_id, memory_ids;
        end if;
    end loop;
    return true;
end;
$$;

comment on function unmerge_noted(
    memories regclass, memory_id uuid, memory_ids uuid[], noted jsonb, noted_before jsonb, noted_after jsonb
) is
'Part of unmerge_memories: what was noted of a memory before others were merged into it.';
