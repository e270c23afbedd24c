"""How the rows of the system catalogs are read, so that two moments can be compared.

No properties of tables, functions or publications are listed here: each row of a catalog is compared as it is. Left out
is what means nothing by itself: numbers of columns, where the data lies, statistics. Expressions, which the catalogs
keep parsed, are compared as text.
"""

from typing import LiteralString

from psycopg import sql

# Columns that are not compared, of whichever catalog: their names do not repeat.
_MEANINGLESS = """
    oid objoid classoid objsubid attrelid attnum attlen attalign attbyval atthasdef atthasmissing attmissingval atttypid
    atttypmod attinhcount attislocal adrelid adnum adbin conkey confkey conbin conindid confrelid condeferrable
    condeferred coninhcount conislocal indexrelid indrelid indnatts indnkeyatts indkey indclass indoption indcollation
    indexprs indpred indcheckxmin inhrelid inhseqno inhdetachpending partattrs partexprs partclass partcollation polqual
    polwithcheck proargdefaults pronargdefaults prosqlbody prattrs prqual relfilenode relpages reltuples relallvisible
    relallfrozen relfrozenxid relminmxid relhasindex relhasrules relhastriggers relhassubclass reltoastrelid reltype
    relrewrite relnatts relchecks relpartbound ev_action ev_qual ev_type is_instead setrole stxrelid stxkeys stxkind
    stxexprs tgattr tgargs tgnargs tgqual tgtype tgdeferrable tginitdeferred typdefaultbin typarray datfrozenxid
    datminmxid rolconfig rolpassword subskiplsn
"""

_TEXTS: dict[str, LiteralString] = {
    "pg_attrdef": "'expression', pg_get_expr(t.adbin, t.adrelid)",
    "pg_attribute": "'type', format_type(t.atttypid, t.atttypmod)",
    "pg_class": """
        'definition', case when t.relkind in ('v', 'm') then pg_get_viewdef(t.oid) end,
        'bound', pg_get_expr(t.relpartbound, t.oid),
        'toast parameters', (select toast.reloptions from pg_class as toast where toast.oid = t.reltoastrelid)
    """,
    "pg_constraint": """
        'definition', pg_get_constraintdef(t.oid),
        'enabled', (
            select array_agg(g.tgenabled order by g.tgrelid, g.tgfoid) from pg_trigger as g where g.tgconstraint = t.oid
        )
    """,
    "pg_index": """
        'definition', pg_get_indexdef(t.indexrelid),
        'statistics targets', (
            select array_agg(a.attstattarget order by a.attnum) from pg_attribute as a where a.attrelid = t.indexrelid
        )
    """,
    "pg_partitioned_table": "'partition key', pg_get_partkeydef(t.partrelid)",
    "pg_policy": """
        'using', pg_get_expr(t.polqual, t.polrelid), 'with check', pg_get_expr(t.polwithcheck, t.polrelid)
    """,
    "pg_proc": "'arguments', pg_get_function_arguments(t.oid), 'body', pg_get_function_sqlbody(t.oid)",
    "pg_publication_rel": """
        'where', pg_get_expr(t.prqual, t.prrelid),
        'columns', (
            select array_agg(a.attname order by a.attname) from pg_attribute as a
            where a.attrelid = t.prrelid and a.attnum = any(t.prattrs)
        )
    """,
    "pg_rewrite": "'definition', pg_get_ruledef(t.oid)",
    "pg_sequence": """
        'owner column', (
            select o.identity from pg_depend as d
            cross join lateral pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) as o
            where d.classid = 'pg_class'::regclass and d.objid = t.seqrelid and d.deptype in ('a', 'i')
        )
    """,
    "pg_statistic_ext": "'definition', pg_get_statisticsobjdef(t.oid)",
    "pg_trigger": "'definition', pg_get_triggerdef(t.oid)",
    "pg_ts_config": """
        'mapping', (
            select array_agg(m.maptokentype || ' ' || m.mapdict::regdictionary order by m.maptokentype, m.mapseqno)
            from pg_ts_config_map as m where m.mapcfg = t.oid
        )
    """,
    "pg_type": """
        'labels', (select array_agg(e.enumlabel order by e.enumsortorder) from pg_enum as e where e.enumtypid = t.oid)
    """,
}
"""What is compared in place of parsed expressions, and what else belongs to a row."""

_PRIVILEGES: dict[str, LiteralString] = {
    "pg_class": """
        'relacl', coalesce(
            t.relacl,
            case when t.relkind in ('S', 's') then acldefault('s', t.relowner)
                when t.relkind not in ('i', 'I') then acldefault('r', t.relowner) end
        ),
        'relowner', case when t.relkind not in ('i', 'I') then t.relowner end
    """,
    "pg_database": "'datacl', coalesce(t.datacl, acldefault('d', t.datdba))",
    "pg_foreign_data_wrapper": "'fdwacl', coalesce(t.fdwacl, acldefault('F', t.fdwowner))",
    "pg_foreign_server": "'srvacl', coalesce(t.srvacl, acldefault('S', t.srvowner))",
    "pg_language": "'lanacl', coalesce(t.lanacl, acldefault('l', t.lanowner))",
    "pg_largeobject_metadata": "'lomacl', coalesce(t.lomacl, acldefault('L', t.lomowner))",
    "pg_namespace": "'nspacl', coalesce(t.nspacl, acldefault('n', t.nspowner))",
    "pg_proc": "'proacl', coalesce(t.proacl, acldefault('f', t.proowner))",
    "pg_type": "'typacl', coalesce(t.typacl, acldefault('T', t.typowner))",
}
"""No privileges at all, null, are those that are there by default: granting and revoking turns one into the other."""

_ADDRESSES: dict[str, LiteralString] = {
    "pg_largeobject_metadata": "'pg_largeobject'::regclass, t.oid, 0",
    "pg_attribute": "'pg_class'::regclass, t.attrelid, t.attnum::int",
    "pg_description": "t.classoid, t.objoid, t.objsubid",
    "pg_seclabel": "t.classoid, t.objoid, t.objsubid",
    "pg_shdescription": "t.classoid, t.objoid, 0",
    "pg_shseclabel": "t.classoid, t.objoid, 0",
    "pg_roles": "'pg_authid'::regclass, t.oid, 0",
    "pg_db_role_setting": """
        case t.setrole when 0 then 'pg_database' else 'pg_authid' end::regclass,
        case t.setrole when 0 then t.setdatabase else t.setrole end, 0
    """,
}
"""Whose row it is, where that is not told by the first column: an oid of its own, or that of what it describes."""

# What follows from something else is left out: columns of indexes, triggers of foreign keys, types of rows and arrays.
_CONDITIONS: dict[str, LiteralString] = {
    "pg_attribute": """
        t.attnum > 0 and not t.attisdropped
        and not exists (select 1 from pg_class as c where c.oid = t.attrelid and c.relkind in ('i', 'I'))
    """,
    "pg_class": "t.relkind <> 't' and t.relnamespace <> 'pg_toast'::regnamespace",
    "pg_db_role_setting": "t.setdatabase in (0, (select oid from pg_database where datname = current_database()))",
    "pg_rewrite": "t.rulename <> '_RETURN'",
    "pg_trigger": "not t.tgisinternal",
    "pg_type": """
        not exists (select 1 from pg_class as c where c.oid = t.typrelid and c.relkind <> 'c')
        and not exists (select 1 from pg_type as element where element.typarray = t.oid)
    """,
}

# PostgreSQL's own objects have oids below FirstNormalObjectId; of these, public and the database belong to users, too.
_OF_USERS: LiteralString = """
    (whose.oid >= 16384 and whose.catalog <> 'pg_database'::regclass)
    or (whose.catalog = 'pg_namespace'::regclass and whose.oid = to_regnamespace('public'))
    or (whose.catalog = 'pg_database'::regclass
        and whose.oid = (select d.oid from pg_database as d where d.datname = current_database()))
"""
_SELECT: LiteralString = """
    select {catalog}, whose.catalog, whose.oid, whose.col,
        jsonb_strip_nulls(
            to_jsonb(t) - {meaningless}::text[] || jsonb_build_object({texts}) || jsonb_build_object({privileges})
        )
    from {table} as t
    cross join lateral (values ({address})) as whose (catalog, oid, col)
    where ({condition}) and ({of_users})
"""


def select(catalog: str, first_column: str, references: dict[str, str]) -> sql.Composed:
    """Reads catalog, whose row it is (three columns, as pg_identify_object takes them) and the row as JSON."""
    own: LiteralString = "{owner}::regclass, t.{first}, 0"
    address = sql.SQL(_ADDRESSES.get(catalog, own)).format(
        owner=sql.Literal(catalog if first_column == "oid" else references.get(first_column, catalog)),
        first=sql.Identifier(first_column),
    )
    return sql.SQL(_SELECT).format(
        catalog=sql.Literal(catalog),
        address=address,
        meaningless=sql.Literal(_MEANINGLESS.split()),
        texts=sql.SQL(_TEXTS.get(catalog, "")),
        privileges=sql.SQL(_PRIVILEGES.get(catalog, "")),
        table=sql.Identifier("pg_catalog", catalog),
        condition=sql.SQL(_CONDITIONS.get(catalog, "true")),
        of_users=sql.SQL(_OF_USERS),
    )
