-- Tables and views with all that belongs to them, as catalog.sql has the objects that stand by themselves.

-- name: objects
with asked as (
    select
        coalesce(w.schema, %(home)s) as schema,
        w.name
    from unnest(%(schemas)s::text[], %(names)s::text[]) as w (schema, name)
),

-- Partitions come and go, and all that they have comes from their table.
relations_here as (
    select
        c.oid,
        c.relkind,
        n.nspname = %(home)s as is_home,
        case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end || quote_ident(c.relname) as name
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and c.relpersistence <> 't'
        and c.relname !~ '^(_yoyo_|yoyo_lock$|memdb_)' -- the bookkeeping of migrations
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and (
            %(names)s::text[] is null or exists (
                select from asked as a
                where a.schema = n.nspname and a.name = c.relname
            )
        )
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        )
),

-- The application's users, where the search path has found them in another schema.
users_elsewhere as (
    select distinct
        u.oid,
        u.relkind,
        false as is_home,
        quote_ident(u.relname) as name
    from pg_constraint as f
    inner join pg_class as u on f.confrelid = u.oid
    where
        f.contype = 'f' and u.relname = %(users)s
        and f.conrelid in (
            select h.oid from relations_here as h
            where h.is_home
        )
        and not exists (
            select 1
            from relations_here as h
            where h.name = quote_ident(%(users)s)
        )
),

relations as (
    select * from relations_here
    union all
    select * from users_elsewhere
),

options as (
    select
        c.oid,
        (
            select jsonb_object_agg(o.option_name, o.option_value)
            from (
                select
                    p.option_name,
                    p.option_value
                from pg_options_to_table(c.reloptions) as p
                union all
                select
                    'toast.' || p.option_name,
                    p.option_value
                from pg_options_to_table(t.reloptions) as p
            ) as o
        ) as of_relation
    from relations as r
    inner join pg_class as c on r.oid = c.oid
    left join pg_class as t on c.reltoastrelid = t.oid
    where c.reloptions is not null or t.reloptions is not null
),

tables as (
    select
        'table ' || r.name as key,
        jsonb_build_object(
            'partitioned', pg_get_partkeydef(c.oid),
            'inherits', (
                select jsonb_agg(h.inhparent::regclass::text order by h.inhseqno)
                from pg_inherits as h
                where h.inhrelid = c.oid
            ),
            'unlogged', nullif(c.relpersistence = 'u', false),
            'options', o.of_relation,
            'replica_identity', case c.relreplident
                when 'f' then 'full'
                when 'n' then 'nothing'
                when 'i' then (
                    select 'using index ' || quote_ident(i.relname)
                    from pg_index as x
                    inner join pg_class as i on x.indexrelid = i.oid
                    where x.indrelid = c.oid and x.indisreplident
                )
            end,
            'row_security', c.relrowsecurity,
            'force_row_security', nullif(c.relforcerowsecurity, false),
            'comment', obj_description(c.oid, 'pg_class')
        ) as attributes
    from relations as r
    inner join pg_class as c on r.oid = c.oid and c.relkind in ('r', 'p')
    left join options as o on c.oid = o.oid
),

views as (
    select
        'view ' || r.name as key,
        jsonb_build_object(
            'materialized', nullif(r.relkind = 'm', false),
            'definition', rtrim(pg_get_viewdef(r.oid), ';'),
            'columns', (
                select
                    jsonb_agg(
                        quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                        order by a.attnum
                    )
                from pg_attribute as a
                where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
            ),
            'reads', (
                select jsonb_agg(distinct v.oid::regclass::text)
                from pg_rewrite as w
                inner join pg_depend as d on w.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
                inner join pg_class as v on d.refobjid = v.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
                where w.ev_class = r.oid and v.oid <> r.oid and v.relkind in ('v', 'm')
            ),
            'options', o.of_relation,
            'comment', obj_description(r.oid, 'pg_class')
        ) as attributes
    from relations as r
    left join options as o on r.oid = o.oid
    where r.relkind in ('v', 'm')
),

columns as (
    select
        'column ' || r.name || '.' || quote_ident(a.attname) as key,
        jsonb_build_object(
            'type', format_type(a.atttypid, a.atttypmod),
            -- PostgreSQL 18 knows NOT NULL that is not validated, so that NULLs may be there.
            'nullable', not a.attnotnull or exists (
                select 1
                from pg_constraint as k
                where
                    k.conrelid = a.attrelid and k.contype = 'n'
                    and k.conkey = array[a.attnum] and not k.convalidated
            ),
            'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
            'generated', case a.attgenerated
                when 's' then '(' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
                when 'v' then '(' || pg_get_expr(d.adbin, d.adrelid) || ') virtual'
            end,
            'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
            'collation', (
                select quote_ident(l.collname)
                from pg_collation as l
                where l.oid = a.attcollation and l.oid <> t.typcollation
            ),
            'storage', case a.attstorage
                when t.typstorage then null
                when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
            end,
            'comment', col_description(a.attrelid, a.attnum)
        ) as attributes
    from relations as r
    inner join pg_attribute as a on r.oid = a.attrelid and a.attnum > 0 and not a.attisdropped and a.attislocal
    inner join pg_type as t on a.atttypid = t.oid
    left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
    where r.relkind in ('r', 'p')
),

-- NOT NULL (contype n) is an attribute of the column: PostgreSQL has had constraints for it only since 18.
-- A foreign key to a partitioned table has one more for each partition (conparentid). What a table inherits is part of
-- the table from which it does.
constraints as (
    select
        'constraint ' || r.name || '.' || quote_ident(k.conname) as key,
        jsonb_build_object(
            'definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
            'validated', k.convalidated,
            'disabled', nullif(
                exists (
                    select 1
                    from pg_trigger as g
                    where g.tgconstraint = k.oid and g.tgisinternal and g.tgenabled = 'D'
                ),
                false
            ),
            'comment', obj_description(k.oid, 'pg_constraint')
        ) as attributes
    from relations as r
    inner join pg_constraint as k on r.oid = k.conrelid
    where k.contype in ('p', 'u', 'f', 'c', 'x') and k.conparentid = 0 and k.conislocal
),

-- An index that serves a constraint is described by the constraint.
indexes as (
    select
        'index ' || left(r.name, -length(quote_ident(t.relname))) || quote_ident(c.relname) as key,
        jsonb_build_object(
            'table', r.name,
            'method', m.amname,
            'unique', i.indisunique,
            'nulls_not_distinct', nullif(strpos(pg_get_indexdef(c.oid), 'NULLS NOT DISTINCT') > 0, false),
            'keys', (
                select
                    jsonb_agg(
                        pg_get_indexdef(c.oid, position, false)
                        || coalesce(' collate ' || quote_ident(l.collname), '')
                        || ' ' || quote_ident(o.opcname)
                        || case i.indoption[position - 1]
                            when 1 then ' desc nulls last' when 2 then ' nulls first' when 3 then ' desc' else ''
                        end
                        order by position
                    )
                from generate_series(1, i.indnkeyatts) as position
                inner join pg_opclass as o on i.indclass[position - 1] = o.oid
                left join pg_attribute as a on i.indrelid = a.attrelid and i.indkey[position - 1] = a.attnum
                left join pg_collation as l
                    on
                        i.indcollation[position - 1] = l.oid
                        and l.oid <> coalesce(a.attcollation, 'pg_catalog."default"'::regcollation)
            ),
            'include', (
                select jsonb_agg(pg_get_indexdef(c.oid, position, false) order by position)
                from generate_series(i.indnkeyatts + 1, i.indnatts) as position
            ),
            'where', pg_get_expr(i.indpred, i.indrelid),
            'options', (
                select jsonb_object_agg(o.option_name, o.option_value)
                from pg_options_to_table(c.reloptions) as o
            ),
            'valid', i.indisvalid and i.indisready,
            'comment', obj_description(c.oid, 'pg_class')
        ) as attributes
    from relations as r
    inner join pg_index as i on r.oid = i.indrelid
    inner join pg_class as c on i.indexrelid = c.oid
    inner join pg_class as t on r.oid = t.oid
    inner join pg_am as m on c.relam = m.oid
    where not exists (
        select 1
        from pg_constraint as k
        where k.conindid = c.oid and k.contype in ('p', 'u', 'x')
    )
),

triggers as (
    select
        'trigger ' || r.name || '.' || quote_ident(g.tgname) as key,
        jsonb_build_object(
            'definition', pg_get_triggerdef(g.oid),
            'enabled', case g.tgenabled
                when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always'
            end,
            'comment', obj_description(g.oid, 'pg_trigger')
        ) as attributes
    from relations as r
    inner join pg_trigger as g on r.oid = g.tgrelid and not g.tgisinternal
),

policies as (
    select
        'policy ' || r.name || '.' || quote_ident(p.polname) as key,
        jsonb_build_object(
            'as', case when p.polpermissive then 'permissive' else 'restrictive' end,
            'for', case p.polcmd
                when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
            end,
            'to', (
                select jsonb_agg(coalesce(quote_ident(a.rolname), 'public') order by a.rolname)
                from unnest(p.polroles) as r (oid)
                left join pg_roles as a on r.oid = a.oid
            ),
            'using', pg_get_expr(p.polqual, p.polrelid),
            'check', pg_get_expr(p.polwithcheck, p.polrelid),
            'comment', obj_description(p.oid, 'pg_policy')
        ) as attributes
    from relations as r
    inner join pg_policy as p on r.oid = p.polrelid
),

rules as (
    select
        'rule ' || r.name || '.' || quote_ident(w.rulename) as key,
        jsonb_build_object(
            'definition', rtrim(pg_get_ruledef(w.oid), ';'),
            'enabled', case w.ev_enabled
                when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always'
            end,
            'comment', obj_description(w.oid, 'pg_rewrite')
        ) as attributes
    from relations as r
    inner join pg_rewrite as w on r.oid = w.ev_class and w.rulename <> '_RETURN'
),

statistics as (
    select
        'statistics '
        || case when n.nspname = %(home)s then '' else quote_ident(n.nspname) || '.' end
        || quote_ident(s.stxname) as key,
        jsonb_build_object(
            'table', r.name,
            'definition', pg_get_statisticsobjdef(s.oid),
            'comment', obj_description(s.oid, 'pg_statistic_ext')
        ) as attributes
    from relations as r
    inner join pg_statistic_ext as s on r.oid = s.stxrelid
    inner join pg_namespace as n on s.stxnamespace = n.oid
)

select
    objects.key,
    jsonb_strip_nulls(objects.attributes)
from (
    select * from tables
    union all
    select * from views
    union all
    select * from columns
    union all
    select * from constraints
    union all
    select * from indexes
    union all
    select * from triggers
    union all
    select * from policies
    union all
    select * from rules
    union all
    select * from statistics
) as objects;
