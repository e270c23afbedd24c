-- Comments as the statements that make them again. Where Citus makes a table anew, its comments are gone.
create function memory_comments(users regclass) returns table (statement text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with recursive joined as (
        select users::oid as oid
        union
        select case k.conrelid when j.oid then k.confrelid else k.conrelid end
        from joined as j
        inner join pg_constraint as k on k.contype = 'f' and j.oid in (k.conrelid, k.confrelid)
        where not relation_is_a_known_shard(k.conrelid) and not relation_is_a_known_shard(k.confrelid)
    ),

    tables as (
        select j.oid from joined as j
        union
        select c.oid
        from joined as j
        inner join pg_class as u on j.oid = u.oid
        inner join pg_class as c on u.relnamespace = c.relnamespace
        where c.relname in ('memory_retention_rules', 'memory_recall_weights')
    )

    select format(
        'comment on %s %s is %L',
        case c.relkind when 'i' then 'index' when 'S' then 'sequence' else 'table' end, c.oid::regclass, d.description
    )
    from tables as t
    left join pg_index as i on t.oid = i.indrelid
    inner join pg_class as c on c.oid in (t.oid, i.indexrelid)
    inner join pg_description as d on c.oid = d.objoid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
    union
    select format('comment on column %s.%I is %L', t.oid::regclass, a.attname, d.description)
    from tables as t
    inner join pg_attribute as a on t.oid = a.attrelid
    inner join pg_description as d on t.oid = d.objoid and d.classoid = 'pg_class'::regclass and a.attnum = d.objsubid
    union
    select format('comment on constraint %I on %s is %L', k.conname, t.oid::regclass, d.description)
    from tables as t
    inner join pg_constraint as k on t.oid = k.conrelid
    inner join pg_description as d on k.oid = d.objoid and d.classoid = 'pg_constraint'::regclass
    union
    select format('comment on policy %I on %s is %L', p.polname, t.oid::regclass, d.description)
    from tables as t
    inner join pg_policy as p on t.oid = p.polrelid
    inner join pg_description as d on p.oid = d.objoid and d.classoid = 'pg_policy'::regclass;
end;
$$;

comment on function memory_comments(users regclass) is
'Part of the set citus: the comments on users, memories and all that refers to them, as statements.';
