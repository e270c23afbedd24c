-- What memdb doctor asks of the catalogs and the statistics: any role may, and no table is read. doctor_rows.sql reads
-- memories themselves.

-- name: server
-- reset_val is what a new session of this role has here; memdb sets some of these for itself. Sizes in bytes, times in
-- milliseconds.
with settings as (
    select
        s.name,
        s.setting,
        case
            when s.unit = 'kB' then 1024 * s.reset_val::bigint
            when s.unit = '8kB' then 8192 * s.reset_val::bigint
            when s.unit = 'ms' then s.reset_val::bigint
            when s.vartype = 'integer' then s.reset_val::bigint
        end as number
    from pg_settings as s
)

select
    current_setting('server_version') as version,
    current_database()::text as database,
    current_user::text as role,
    e.extversion as pgvector,
    a.default_version as pgvector_offered,
    n.nspname::text as vector_schema,
    exists(
        select from pg_roles as r
        where
            r.rolcanlogin and not r.rolsuper and not pg_has_role(r.oid, d.datdba, 'usage')
            and has_database_privilege(r.oid, d.oid, 'connect')
    ) as others_log_in,
    (select s.number from settings as s where s.name = 'maintenance_work_mem') as maintenance_work_mem, -- noqa: LT14
    (select s.number from settings as s where s.name = 'shared_buffers') as shared_buffers, -- noqa: LT14
    (select s.number from settings as s where s.name = 'effective_cache_size') as cache, -- noqa: LT14
    (select s.number from settings as s where s.name = 'max_parallel_maintenance_workers') as workers, -- noqa: LT14
    (select s.setting from settings as s where s.name = 'dynamic_shared_memory_type') as shared_memory, -- noqa: LT14
    array(
        select format('%s=%s', s.name, s.number) from settings as s
        where
            s.name in (
                'statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
                'idle_session_timeout'
            )
            and s.number > 0
        order by s.name
    ) as time_outs,
    extract(epoch from now() - coalesce(t.stats_reset, pg_postmaster_start_time()))::float8 / 86400 as counted_days
from pg_database as d
left join pg_stat_database as t on d.oid = t.datid
left join pg_extension as e on e.extname = 'vector'
left join pg_namespace as n on e.extnamespace = n.oid
left join pg_available_extensions as a on a.name = 'vector'
where d.datname = current_database();

-- name: tables
-- memories and what refers to it, memdb's other tables that say whose a row is, the stand-in for users, and the
-- history, with who owns them, how large they are, and what vacuum left undone. A partition has rights and row-level
-- security of its own, and so has any table that inherits.
with recursive rows_of_users as (
    select c.oid
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.oid = %(memories)s::oid
        or (
            starts_with(c.relname, 'memory_') and c.relkind in ('r', 'p') and n.nspname = %(schema)s
            and exists (
                select from pg_attribute as a
                where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
            )
        )
    union
    select further.oid
    from rows_of_users as r
    cross join
        lateral (
            select f.conrelid as oid
            from pg_constraint as f
            where f.contype = 'f' and f.confrelid = r.oid
            union all
            select h.inhrelid
            from pg_inherits as h
            where h.inhparent = r.oid
        ) as further
),

chosen as (
    select
        r.oid,
        case
            when r.oid = %(memories)s::oid then 'memories'
            when r.oid in (select h.inhrelid from pg_inherits as h) then 'partition'
            else 'side'
        end as part
    from rows_of_users as r
    union
    select
        c.oid,
        case when c.relname ~ '^(_yoyo_|memdb_)' then 'history' else 'side' end
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p')
        and (
            (
                c.relname in ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'memdb_migrations')
                and n.nspname = %(history)s
            )
            or (c.oid = %(users)s::oid and %(users_may_be_made)s)
        )
)

select
    chosen.oid::bigint,
    chosen.part,
    format('%%I.%%I', n.nspname, c.relname) as name,
    c.relowner::regrole::text as owner,
    c.relowner::bigint as owner_oid,
    c.relrowsecurity as has_row_security,
    c.reltuples::float8 as rows,
    c.relpages as pages,
    c.relallvisible as visible_pages,
    coalesce(t.n_live_tup, 0) as live,
    coalesce(t.n_dead_tup, 0) as dead,
    coalesce(t.seq_scan, 0) + coalesce(t.idx_scan, 0) as scans,
    coalesce(c.reloptions, '{}')
    && array['autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0'] as is_never_vacuumed
from chosen
inner join pg_class as c on chosen.oid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_stat_all_tables as t on c.oid = t.relid
order by chosen.part <> 'memories', chosen.part, c.relname;

-- name: grants
-- Who may do what with these tables and views, or with columns of them, besides superusers and owners. Nothing can be
-- done in a schema that a role may not use. No role: everybody. Roles that an API gives to anybody are named, too,
-- where they have a right through another role, be it one for all data, and so are those that log in and are members of
-- the owner.
select
    c.oid::bigint as table,
    coalesce(r.oid, 0)::regrole::text as role,
    array_agg(distinct lower(granted.privilege_type) order by lower(granted.privilege_type)) as privileges,
    coalesce(
        bool_or(r.rolbypassrls or (pg_has_role(r.oid, c.relowner, 'usage') and not c.relforcerowsecurity)), false
    ) as passes_policies,
    coalesce(bool_or(r.rolcanlogin), false) as logs_in
from pg_class as c
cross join
    lateral (
        select x.grantee, x.privilege_type -- noqa: LT09
        from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as x
        union
        select x.grantee, x.privilege_type -- noqa: LT09
        from pg_attribute as a
        cross join lateral aclexplode(a.attacl) as x
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        union
        select predefined.oid, x.privilege -- noqa: LT09
        from (
            values ('pg_read_all_data', 'SELECT'), ('pg_write_all_data', 'INSERT'), ('pg_write_all_data', 'UPDATE'),
            ('pg_write_all_data', 'DELETE')
        ) as x (rolname, privilege)
        inner join pg_roles as predefined on x.rolname = predefined.rolname
    ) as granted
left join pg_roles as r
    on
        granted.grantee = r.oid
        or (
            granted.grantee <> 0 and pg_has_role(r.oid, granted.grantee, 'usage')
            and (r.rolname in ('anon', 'authenticated') or (r.rolcanlogin and c.relowner = granted.grantee))
        )
where
    c.oid = any(%(tables)s::oid[])
    and case
        when granted.grantee = 0
            then
                exists (
                    select
                    from pg_namespace as n
                    cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as x
                    where n.oid = c.relnamespace and x.grantee = 0 and x.privilege_type = 'USAGE'
                )
        else
            not r.rolsuper and r.oid <> c.relowner and r.rolname !~ '^pg_(read|write)_all_data$'
            and has_schema_privilege(r.oid, c.relnamespace, 'usage')
    end
group by c.oid, r.oid
order by c.oid, coalesce(r.oid, 0);

-- name: policies
select
    p.polrelid::bigint as table,
    quote_ident(p.polname) as name,
    array(select case u.oid when 0 then 'public' else u.oid::regrole::text end from unnest(p.polroles) as u (oid))
        as roles,
    p.polpermissive and 'true' in (
        coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
    ) as lets_all_through
from pg_policy as p
where p.polrelid = any(%(tables)s::oid[])
order by p.polrelid, p.polname;

-- name: views
-- Views that look at these tables with their owner's rights, also through other views, and so see what policies hide
-- from others. Through a view that looks with its reader's rights they do so, too; but not the rows that a materialized
-- view has kept, which its owner has read.
with recursive looking as (
    select
        t.oid,
        false as by_reader,
        null::boolean as is_materialized
    from unnest(%(tables)s::oid[]) as t (oid)
    union
    select
        v.oid,
        v.relkind = 'v' and (
            looking.by_reader
            or coalesce(v.reloptions, '{}')
            && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1']
        ),
        v.relkind = 'm'
    from looking
    inner join pg_depend as d
        on d.refclassid = 'pg_class'::regclass and looking.oid = d.refobjid and d.classid = 'pg_rewrite'::regclass
    inner join pg_rewrite as w on d.objid = w.oid
    inner join pg_class as v on w.ev_class = v.oid
    where v.relkind in ('v', 'm') and v.oid <> looking.oid
)

select distinct
    v.oid::bigint,
    format('%%I.%%I', n.nspname, v.relname) as name,
    looking.is_materialized
from looking
inner join pg_class as v on looking.oid = v.oid
inner join pg_namespace as n on v.relnamespace = n.oid
where not looking.by_reader and looking.is_materialized is not null
order by name;

-- name: open_schemas
-- Roles that may create where names of memdb lead, besides superusers and the owner of memories: what they put there
-- can be called in place of what was meant.
select
    quote_ident(n.nspname) as name,
    array_agg(granted.role order by granted.role) as roles
from pg_namespace as n
cross join
    lateral (
        select 'everyone' as role
        from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as x
        where x.grantee = 0 and x.privilege_type = 'CREATE'
        union
        select r.oid::regrole::text
        from pg_roles as r
        where
            not r.rolsuper and r.rolname !~ '^pg_' and has_schema_privilege(r.oid, n.oid, 'create')
            and not pg_has_role(r.oid, %(owner)s::oid, 'usage')
            and not exists (
                select from pg_database as d
                where d.datname = current_database() and pg_has_role(r.oid, d.datdba, 'usage')
            )
            and not exists (
                select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as x
                where x.grantee = 0 and x.privilege_type = 'CREATE'
            )
    ) as granted
where n.nspname = any(%(schemas)s::text[])
group by n.nspname
order by n.nspname;

-- name: functions
-- Those beside memories that are no part of an extension: whose they are, with whose rights they run, and where names
-- in them lead. A body that was bound when the function was made needs no search_path.
select
    p.oid::regprocedure::text as name,
    pg_get_userbyid(p.proowner)::text as owner,
    p.prosecdef as runs_as_owner,
    p.prosqlbody is not null or exists (
        select from unnest(p.proconfig) as c (setting)
        where c.setting ~ '^search_path='
    ) as has_path,
    not r.rolsuper and not pg_has_role(p.proowner, %(owner)s::oid, 'usage') as is_of_others
from pg_proc as p
inner join pg_roles as r on p.proowner = r.oid
where
    p.pronamespace = %(schema)s::regnamespace
    and not exists (
        select from pg_depend as d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
order by name;

-- name: definers
-- Functions that look at these tables, or views of them, with the rights of an owner whom no policy holds, and that
-- whoever an API lets in may call. A body that is text says nothing but names: that it has the one of memories counts.
select
    p.oid::regprocedure::text as name,
    pg_get_userbyid(p.proowner)::text as owner,
    callers.roles
from pg_proc as p
inner join pg_roles as o on p.proowner = o.oid
inner join pg_namespace as n on p.pronamespace = n.oid
inner join pg_class as m on m.oid = %(memories)s::oid
cross join
    lateral (
        select array_agg(distinct coalesce(r.rolname, '-')::text) as roles
        from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as f
        cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as s
        left join pg_roles as r on r.rolname in ('anon', 'authenticated')
        where
            s.privilege_type = 'USAGE' and (f.grantee = 0 or pg_has_role(r.oid, f.grantee, 'usage'))
            and (s.grantee = 0 or pg_has_role(r.oid, s.grantee, 'usage'))
    ) as callers
where
    p.prosecdef
    and callers.roles is not null
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and (
        o.rolsuper or o.rolbypassrls
        or (pg_has_role(o.oid, m.relowner, 'usage') and not m.relforcerowsecurity)
    )
    and not exists (
        select from pg_depend as d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
    and (
        (p.prosqlbody is null and p.prosrc ~ ('(^|[^a-z0-9_])' || m.relname || '([^a-z0-9_]|$)'))
        or exists (
            select from pg_depend as d
            where
                d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
                and d.refobjid = any(%(tables)s::oid[])
        )
    )
order by name;

-- name: indexes
-- Of these tables, with how wide their rows are by the statistics: null where this role may not see those of a column.
select
    format('%%I.%%I', n.nspname, c.relname) as name,
    i.indrelid::bigint as table,
    m.amname::text as method,
    i.indisvalid and i.indisready as is_valid,
    exists(
        select from pg_stat_progress_create_index as p
        where p.index_relid = i.indexrelid
    ) as is_being_built,
    i.indisunique or i.indisexclusion or exists (
        select from pg_constraint as k
        where k.conindid = i.indexrelid
    ) as is_needed,
    pg_relation_size(i.indexrelid) as bytes,
    c.reltuples::float8 as rows,
    coalesce(t.idx_scan, 0) as scans,
    first.attname::text as first_column,
    (
        select
            case
                when count(*) = count(coalesce(s.avg_width, nullif(ty.typlen, -1)))
                    then sum(coalesce(s.avg_width, ty.typlen))
            end::float8
        from pg_attribute as a
        inner join pg_type as ty on a.atttypid = ty.oid
        left join pg_attribute as o
            on o.attrelid = i.indrelid and o.attnum = (i.indkey::int2[])[a.attnum - 1]
        left join pg_stats as s
            on s.schemaname = tn.nspname and s.tablename = tc.relname and o.attname = s.attname
        where a.attrelid = i.indexrelid
    ) as row_width,
    (
        select v.option_value::int from pg_options_to_table(c.reloptions) as v
        where v.option_name = 'm'
    ) as links
from pg_index as i
inner join pg_class as c on i.indexrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_class as tc on i.indrelid = tc.oid
inner join pg_namespace as tn on tc.relnamespace = tn.oid
inner join pg_am as m on c.relam = m.oid
left join pg_attribute as first on i.indrelid = first.attrelid and first.attnum = i.indkey[0]
left join pg_stat_all_indexes as t on i.indexrelid = t.indexrelid
where i.indrelid = any(%(tables)s::oid[])
order by i.indrelid, c.relname;
