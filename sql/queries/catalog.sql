-- What verify-schema and snapshot read: each object of the schema as one row, a key and its attributes.
-- It reads pg_catalog only and looks schemas up by name, so that a role with no more than CONNECT may run it.

-- name: objects
with asked as (
    select
        %s::text as home,
        %s::text[] as names -- null: all
),

tables_here as (
    select
        c.oid,
        c.relname,
        c.relnamespace
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    inner join asked on n.nspname = asked.home
    where
        c.relkind in ('r', 'p')
        and c.relname !~ '^(_yoyo_|yoyo_lock$|memdb_)' -- the bookkeeping of migrations
        and (asked.names is null or quote_ident(c.relname) = any(asked.names))
),

-- The application's users, where the search path has found them in another schema.
users_elsewhere as (
    select distinct
        u.oid,
        u.relname,
        u.relnamespace
    from pg_constraint as f
    inner join pg_class as u on f.confrelid = u.oid
    where
        f.contype = 'f' and u.relname = 'users'
        and f.conrelid in (select h.oid from tables_here as h)
        and not exists (
            select 1
            from tables_here as h
            where h.relname = 'users'
        )
),

relations as (
    select * from tables_here
    union all
    select * from users_elsewhere
),

context as (
    select
        'context' as key,
        jsonb_build_object(
            'server_version', current_setting('server_version'),
            'pgvector_version', (
                select x.extversion
                from pg_extension as x
                where x.extname = 'vector'
            ),
            'qualifiers', (
                select jsonb_agg(quote_ident(n.nspname))
                from pg_namespace as n
                where
                    n.nspname = (select asked.home from asked)
                    or n.oid in (select x.extnamespace from pg_extension as x)
                    or n.oid in (select u.relnamespace from users_elsewhere as u)
            )
        ) as attributes
),

extensions as (
    select
        'extension ' || quote_ident(extname) as key,
        '{}'::jsonb as attributes
    from pg_extension
    where extname <> 'plpgsql'
),

enums as (
    select
        'enum ' || quote_ident(t.typname) as key,
        jsonb_build_object(
            'labels', (
                select jsonb_agg(l.enumlabel order by l.enumsortorder)
                from pg_enum as l
                where l.enumtypid = t.oid
            ),
            'comment', obj_description(t.oid, 'pg_type')
        ) as attributes
    from pg_type as t
    inner join pg_namespace as n on t.typnamespace = n.oid
    inner join asked on n.nspname = asked.home
    where t.typtype = 'e' and (asked.names is null or quote_ident(t.typname) = any(asked.names))
),

tables as (
    select
        'table ' || quote_ident(r.relname) as key,
        jsonb_build_object(
            'partitioned', nullif(c.relkind = 'p', false),
            'unlogged', nullif(c.relpersistence = 'u', false),
            'row_security', c.relrowsecurity,
            'force_row_security', nullif(c.relforcerowsecurity, false),
            'comment', obj_description(c.oid, 'pg_class')
        ) as attributes
    from relations as r
    inner join pg_class as c on r.oid = c.oid
),

columns as (
    select
        'column ' || quote_ident(r.relname) || '.' || quote_ident(a.attname) as key,
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
    inner join pg_attribute as a on r.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
    inner join pg_type as t on a.atttypid = t.oid
    left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
),

-- NOT NULL (contype n) is an attribute of the column: PostgreSQL has had constraints for it only since 18.
constraints as (
    select
        'constraint ' || quote_ident(r.relname) || '.' || quote_ident(k.conname) as key,
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
    inner join pg_constraint as k on r.oid = k.conrelid and k.contype in ('p', 'u', 'f', 'c', 'x')
),

-- An index that serves a constraint is described by the constraint.
indexes as (
    select
        'index ' || quote_ident(c.relname) as key,
        jsonb_build_object(
            'table', quote_ident(r.relname),
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
    inner join pg_am as m on c.relam = m.oid
    where not exists (
        select 1
        from pg_constraint as k
        where k.conindid = c.oid and k.contype in ('p', 'u', 'x')
    )
),

functions as (
    select
        'function ' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' as key,
        jsonb_build_object(
            'kind', case p.prokind when 'p' then 'procedure' when 'w' then 'window' end,
            'arguments', nullif(pg_get_function_arguments(p.oid), ''),
            'result', pg_get_function_result(p.oid),
            'language', l.lanname,
            'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
            'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
            'strict', nullif(p.proisstrict, false),
            'leakproof', nullif(p.proleakproof, false),
            'security', case when p.prosecdef then 'definer' else 'invoker' end,
            'config', to_jsonb(p.proconfig),
            'body', case when p.prosqlbody is null then p.prosrc end,
            'sql_body', pg_get_function_sqlbody(p.oid),
            'comment', obj_description(p.oid, 'pg_proc')
        ) as attributes
    from pg_proc as p
    inner join pg_namespace as n on p.pronamespace = n.oid
    inner join pg_language as l on p.prolang = l.oid
    inner join asked on n.nspname = asked.home
    where
        p.prokind <> 'a'
        and (asked.names is null or quote_ident(p.proname) = any(asked.names))
        and not exists (
            select 1
            from pg_depend as d
            where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
),

triggers as (
    select
        'trigger ' || quote_ident(r.relname) || '.' || quote_ident(g.tgname) as key,
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
        'policy ' || quote_ident(r.relname) || '.' || quote_ident(p.polname) as key,
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
)

select
    objects.key,
    jsonb_strip_nulls(objects.attributes)
from (
    select * from context
    union all
    select * from extensions
    union all
    select * from enums
    union all
    select * from tables
    union all
    select * from columns
    union all
    select * from constraints
    union all
    select * from indexes
    union all
    select * from functions
    union all
    select * from triggers
    union all
    select * from policies
) as objects
order by objects.key;
