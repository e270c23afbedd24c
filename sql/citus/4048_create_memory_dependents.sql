-- What an application has made of the tables that move, as the statements that make it again.
--
-- Citus makes some tables anew, as it does all on the way back, and drops the old ones with all that depends on them.
-- It makes views again, but not what is theirs; and new tables get the default privileges, which may be more than the
-- old ones had. What is gone would not be missed before somebody reads what they should not, or no longer can.
create function memory_dependents(users regclass) returns table (moment text, statement text)
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

    named as (
        select j.oid from joined as j
        union
        select c.oid
        from pg_class as u
        inner join pg_class as c on u.relnamespace = c.relnamespace
        where
            u.oid in (select j.oid from joined as j)
            and c.relname in ('memory_retention_rules', 'memory_recall_weights') and c.relkind = 'r'
    ),

    read_by as (
        select n.oid from named as n
        union
        select v.oid
        from read_by as r
        inner join pg_depend as d
            on
                r.oid = d.refobjid
                and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_rewrite'::regclass
        inner join pg_rewrite as w on d.objid = w.oid
        inner join pg_class as v on w.ev_class = v.oid and v.relkind in ('v', 'm')
    ),

    relations as materialized (
        select
            c.oid,
            c.oid::regclass::text as name,
            c.relkind in ('v', 'm') as is_view,
            c.relkind,
            c.relowner,
            c.relnamespace,
            c.relacl
        from pg_class as c
        where c.oid in (select r.oid from read_by as r)
    ),

    -- As long as they are kept, a table and what belongs to it depend on one another automatically.
    dependents as materialized (
        select distinct
            d.classid,
            d.objid,
            d.objsubid
        from pg_depend as d
        where
            d.deptype = 'n'
            and (
                d.refclassid = 'pg_class'::regclass and d.refobjid in (select r.oid from relations as r)
                or d.refclassid = 'pg_type'::regclass
                and d.refobjid in (
                    select unnest(array[t.oid, t.typarray])
                    from pg_type as t
                    inner join relations as r on t.typrelid = r.oid
                )
            )
    ),

    functions as materialized (
        select
            p.*,
            p.oid::regprocedure::text as name
        from pg_proc as p
        where
            p.prokind <> 'a'
            and p.oid in (select d.objid from dependents as d where d.classid = 'pg_proc'::regclass)
    ),

    policies as materialized (
        select
            p.*,
            p.polrelid::regclass::text as of
        from pg_policy as p
        where
            p.oid in (select d.objid from dependents as d where d.classid = 'pg_policy'::regclass)
            and p.polrelid not in (select r.oid from relations as r)
    ),

    lost as (
        select
            d.classid,
            d.objid,
            d.objsubid,
            'a table or view that has to be made anew' as what
        from dependents as d
        where
            d.classid not in (
                'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_policy'::regclass,
                'pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass
            )
            and not (d.classid = 'pg_proc'::regclass and d.objid in (select f.oid from functions as f))
            and not (
                d.classid = 'pg_rewrite'::regclass
                and d.objid in (
                    select w.oid from pg_rewrite as w
                    where w.ev_class in (select r.oid from relations as r)
                )
            )
            and not (
                d.classid = 'pg_class'::regclass
                and (
                    d.objid in (select r.oid from relations as r)
                    or d.objid in (select i.indexrelid from pg_index as i inner join relations as r on i.indrelid = r.oid)
                )
            )
        union
        select
            d.classid,
            d.objid,
            d.objsubid,
            'the function ' || f.name || ', which has to be made anew'
        from pg_depend as d
        inner join functions as f on d.refobjid = f.oid
        where
            d.refclassid = 'pg_proc'::regclass and d.deptype = 'n'
            and not (d.classid = 'pg_proc'::regclass and d.objid in (select g.oid from functions as g))
    ),

    -- Who gets rights to a new table or function without being given any.
    favoured as materialized (
        select
            o.classid,
            o.oid,
            e.grantee,
            case e.grantee when 0 then 'public' else e.grantee::regrole::text end as name
        from (
            select 'pg_class'::regclass as classid, 'r' as kind, r.oid, r.relowner as owner, r.relnamespace as home
            from relations as r
            union all
            select 'pg_proc'::regclass, 'f', f.oid, f.proowner, f.pronamespace
            from functions as f
        ) as o
        inner join pg_default_acl as a
            on
                o.kind = a.defaclobjtype
                and a.defaclrole in (o.owner, (select u.oid from pg_roles as u where u.rolname = current_user))
                and a.defaclnamespace in (0, o.home)
        cross join aclexplode(a.defaclacl) as e
        where e.grantee <> o.owner
        union
        select 'pg_proc'::regclass, f.oid, 0, 'public'
        from functions as f
        where f.proacl is not null
    ),

    rights as (
        select
            r.oid,
            r.name,
            r.is_view,
            case e.grantee when 0 then 'public' else e.grantee::regrole::text end as grantee,
            e.privilege_type || coalesce(' (' || quote_ident(e.attname) || ')', '') as privilege,
            e.is_grantable
        from relations as r
        cross join lateral (
            select
                null::name as attname,
                t.*
            from aclexplode(r.relacl) as t
            union all
            select
                c.attname,
                t.*
            from pg_attribute as c
            cross join aclexplode(c.attacl) as t
            where c.attrelid = r.oid
        ) as e
        where
            e.grantee <> r.relowner
            and (r.is_view or e.grantee in (select v.grantee from favoured as v where v.oid = r.oid))
    ),

    steps (moment, place, within, statement) as (
        select 'refused', 0, 0::oid, format('%s depends on %s', pg_describe_object(l.classid, l.objid, l.objsubid), l.what)
        from lost as l
        union all
        select 'before', 10, p.oid, format('drop policy %I on %s', p.polname, p.of) from policies as p
        union all
        select 'before', 20, 4294967295 - f.oid::bigint, format('drop routine %s', f.name) from functions as f
        union all
        select
            case when r.is_view then 'after' else 'in shards' end,
            60,
            r.oid,
            format('revoke all on table %s from %s', r.name, v.name)
        from favoured as v
        inner join relations as r on v.oid = r.oid and v.classid = 'pg_class'::regclass
        union all
        select
            case when g.is_view or g.privilege like '%(%' then 'after' else 'in shards' end,
            61,
            g.oid,
            format(
                'grant %s on table %s to %s%s',
                g.privilege,
                g.name,
                g.grantee,
                case when g.is_grantable then ' with grant option' else '' end
            )
        from rights as g
        union all
        select 'after', 30, f.oid, pg_get_functiondef(f.oid) from functions as f
        union all
        select 'after', 31, f.oid, format('alter routine %s owner to %s', f.name, f.proowner::regrole) from functions as f
        union all
        select
            'after',
            32,
            f.oid,
            format('revoke all on routine %s from %s', f.name, v.name)
        from favoured as v
        inner join functions as f on v.oid = f.oid and v.classid = 'pg_proc'::regclass
        union all
        select
            'after',
            33,
            f.oid,
            format(
                'grant execute on routine %s to %s%s',
                f.name,
                case e.grantee when 0 then 'public' else e.grantee::regrole::text end,
                case when e.is_grantable then ' with grant option' else '' end
            )
        from functions as f
        cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as e
        where e.grantee <> f.proowner and f.oid in (select v.oid from favoured as v)
        union all
        select 'after', 34, f.oid, format('comment on routine %s is %L', f.name, d.description)
        from functions as f
        inner join pg_description as d on f.oid = d.objoid and d.classoid = 'pg_proc'::regclass
        union all
        select 'after', 40, r.oid, format('alter table %s owner to %s', r.name, r.relowner::regrole)
        from relations as r
        where r.is_view
        union all
        select
            'after',
            41,
            r.oid,
            format('alter view %s alter column %I set default %s', r.name, c.attname, pg_get_expr(e.adbin, e.adrelid))
        from relations as r
        inner join pg_attrdef as e on r.oid = e.adrelid
        inner join pg_attribute as c on e.adrelid = c.attrelid and e.adnum = c.attnum
        where r.relkind = 'v'
        union all
        select 'after', 42, r.oid, regexp_replace(pg_get_ruledef(w.oid), '^CREATE RULE', 'CREATE OR REPLACE RULE')
        from relations as r
        inner join pg_rewrite as w on r.oid = w.ev_class and w.rulename <> '_RETURN'
        where r.is_view
        union all
        select
            'after',
            43,
            r.oid,
            regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER')
        from relations as r
        inner join pg_trigger as t on r.oid = t.tgrelid
        where r.is_view
        union all
        select
            'after',
            44,
            i.indexrelid,
            regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX ', ' INDEX IF NOT EXISTS ')
        from relations as r
        inner join pg_index as i on r.oid = i.indrelid
        where r.is_view
        union all
        select
            'after',
            45,
            r.oid,
            format(
                'comment on %s is %L',
                case
                    when d.objsubid > 0 then format('column %s.%I', r.name, c.attname)
                    when r.relkind = 'm' then 'materialized view ' || r.name
                    else 'view ' || r.name
                end,
                d.description
            )
        from relations as r
        inner join pg_description as d on r.oid = d.objoid and d.classoid = 'pg_class'::regclass
        left join pg_attribute as c on d.objoid = c.attrelid and d.objsubid = c.attnum
        where r.is_view
        union all
        select 'after', 46, i.indexrelid, format('comment on index %s is %L', i.indexrelid::regclass, d.description)
        from relations as r
        inner join pg_index as i on r.oid = i.indrelid
        inner join pg_description as d on i.indexrelid = d.objoid and d.classoid = 'pg_class'::regclass
        where r.is_view
        union all
        select
            'after',
            50,
            p.oid,
            format(
                'create policy %I on %s as %s for %s to %s%s%s',
                p.polname,
                p.of,
                case when p.polpermissive then 'permissive' else 'restrictive' end,
                case p.polcmd
                    when 'r' then 'select'
                    when 'a' then 'insert'
                    when 'w' then 'update'
                    when 'd' then 'delete'
                    else 'all'
                end,
                (
                    select string_agg(case u.u when 0 then 'public' else u.u::regrole::text end, ', ')
                    from unnest(p.polroles) as u
                ),
                ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
            )
        from policies as p
        union all
        select 'after', 51, p.oid, format('comment on policy %I on %s is %L', p.polname, p.of, d.description)
        from policies as p
        inner join pg_description as d on p.oid = d.objoid and d.classoid = 'pg_policy'::regclass
    )

    select s.moment, s.statement
    from steps as s
    order by s.place, s.within;
end;
$$;

comment on function memory_dependents(users regclass) is
'Part of the set citus: what depends on users, memories and all that refers to them, as statements that make it again.';
