"""Each kind of object that a migration can make is compared, on any version of the server, and mended without harm."""

import contextlib
import re
from typing import NamedTuple

import psycopg
import pytest

from memdb import shipped
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from memdb.verification.comparison import Difference
from memdb.verification.snapshot import Patches

TABLES = ("device", "device_log", "audit.entry", "metric", "event", "remark")

# What no line of a mend may do, whatever was found.
HARMS = re.compile(
    r"drop (table|column|default|constraint (?!\w+, add constraint)|policy|function|trigger|type|schema|domain|sequence"
    r"|rule)|disable|no force|truncate|delete from|rename column|rename value|cascade(?! not valid|;$)|set unlogged",
    re.IGNORECASE,
)


QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")


class Tampered(NamedTuple):
    """What was done, the object that must be reported, and whether lines to paste bring all back."""

    sql: str
    object: str
    mended: bool = True


# A column has another type, under a view that is as the migrations make it.
ENTRIES = (
    "drop view entries; alter table audit.entry alter note type varchar(90); create view entries as"
    " select e.id, e.note, grouping(e.lvl) as g from audit.entry as e group by rollup (e.id, e.note, e.lvl)"
)

TAMPERED = [
    Tampered("drop schema audit cascade", "schema audit", mended=False),
    Tampered("comment on schema audit is null", "schema audit"),
    Tampered("alter domain short set not null", "domain short", mended=False),
    Tampered("alter domain short drop default", "domain short"),
    Tampered("alter domain short drop constraint short_check", "domain short"),
    Tampered(
        "alter domain short drop constraint short_check;"
        " alter domain short add constraint short_check check (length(value) > 0) not valid",
        "domain short",
    ),
    Tampered("alter domain short add constraint also check (value <> 'q')", "domain short", mended=False),
    Tampered("drop domain short cascade", "domain short"),
    Tampered("drop cast (pair as text); drop type pair", "type pair", mended=False),
    Tampered("alter type pair add attribute c int", "type pair", mended=False),
    Tampered("drop type spans", "type spans"),
    Tampered("alter type audit.level add value 'middle' after 'low'", "enum audit.level", mended=False),
    Tampered("alter sequence ticket increment 2 maxvalue 5000 no cycle", "sequence ticket"),
    Tampered("drop sequence ticket", "sequence ticket"),
    Tampered("alter sequence audit.entry_id_seq owned by none", "sequence audit.entry_id_seq"),
    Tampered("drop sequence audit.entry_id_seq cascade", "sequence audit.entry_id_seq"),
    Tampered("alter table audit.entry drop column id cascade", "column audit.entry.id"),
    Tampered(ENTRIES, "column audit.entry.note"),
    Tampered(f"{ENTRIES}; grant select on entries to pg_monitor", "column audit.entry.note", mended=False),
    Tampered(f"{ENTRIES}; create view of_application as table entries", "column audit.entry.note", mended=False),
    Tampered("alter table remark alter ref type bigint", "column remark.ref", mended=False),
    Tampered("alter table audit.entry alter json type varchar(90)", "column audit.entry.json"),
    Tampered("alter table audit.entry drop constraint entry_pkey", "constraint audit.entry.entry_pkey"),
    Tampered("drop index audit.entry_at", "index audit.entry_at"),
    Tampered("alter index audit.entry_at rename to by_time", "index audit.entry_at"),
    Tampered(
        "drop index audit.entry_at; create index entry_at on audit.entry (at) where lvl = 'low'", "index audit.entry_at"
    ),
    Tampered("alter table device reset (fillfactor), set (parallel_workers = 2)", "table device"),
    Tampered("alter table device set (toast.autovacuum_enabled = true)", "table device"),
    Tampered("alter table device replica identity using index device_pkey", "table device"),
    Tampered("alter table device disable row level security", "table device"),
    Tampered("alter table device force row level security", "table device", mended=False),
    Tampered("alter table device_log no inherit device", "table device_log", mended=False),
    # Another kind of object, or one of another table, has the name of what is missing.
    Tampered("drop sequence ticket; create table ticket (id int)", "sequence ticket", mended=False),
    Tampered("drop view entries; create table entries (id int, note text)", "view entries", mended=False),
    Tampered("drop type spans; create table spans (id int)", "type spans", mended=False),
    Tampered("drop domain short cascade; create type short as enum ('x')", "domain short", mended=False),
    Tampered("drop index audit.entry_at; create view audit.entry_at as select 1", "index audit.entry_at", mended=False),
    Tampered(
        "drop index audit.entry_at; create table audit.of_application (id int);"
        " create index entry_at on audit.of_application (id)",
        "index audit.entry_at",
        mended=False,
    ),
    Tampered(
        "alter table audit.entry drop constraint entry_pkey; create unique index entry_pkey on audit.entry (id)",
        "constraint audit.entry.entry_pkey",
        mended=False,
    ),
    Tampered("alter table device alter id drop identity", "column device.id"),
    Tampered("alter table device alter id set generated always", "column device.id"),
    Tampered("alter table device alter price drop default", "column device.price"),
    Tampered("alter table device alter name set default 'unnamed'", "column device.name", mended=False),
    Tampered(
        "create sequence numbers; alter table device alter id drop identity, alter id set default nextval('numbers')",
        "column device.id",
        mended=False,
    ),
    Tampered(
        "create sequence numbers; alter table metric alter id set default nextval('numbers')",
        "column metric.id",
        mended=False,
    ),
    Tampered('alter table device drop column "json_value"', 'column device."json_value"'),
    Tampered("alter table device drop column doubled", "column device.doubled"),
    Tampered("alter table device alter doubled drop expression", "column device.doubled", mended=False),
    Tampered("drop statistics device_stats", "statistics device_stats"),
    Tampered("alter statistics device_stats rename to s", "statistics device_stats"),
    Tampered("drop index metric_kind", "index metric_kind"),
    Tampered("drop index metric_kind; create index metric_kind on metric (id)", "index metric_kind"),
    Tampered("drop index metric_kind; create index metric_kind on only metric (kind)", "index metric_kind"),
    Tampered("alter table metric drop constraint metric_device_fkey", "constraint metric.metric_device_fkey"),
    Tampered(
        "alter table metric drop constraint metric_device_fkey; alter table metric"
        " add constraint metric_device_fkey foreign key (device) references device (id) on delete cascade",
        "constraint metric.metric_device_fkey",
    ),
    Tampered("alter table metric drop constraint metric_kind_check", "constraint metric.metric_kind_check"),
    Tampered(
        "alter table metric drop constraint metric_kind_check;"
        " alter table metric add constraint metric_kind_check check (kind <> 'q')",
        "constraint metric.metric_kind_check",
        mended=False,
    ),
    Tampered("alter table remark drop constraint remark_event_fkey", "constraint remark.remark_event_fkey"),
    Tampered("alter table remark disable trigger all", "constraint remark.remark_event_fkey"),
    Tampered("alter table remark drop constraint remark_ref_key", "constraint remark.remark_ref_key"),
    Tampered("drop table metric cascade", "table metric", mended=False),
    Tampered("drop view label_count", "view label_count"),
    Tampered("drop view label cascade", "view label"),
    Tampered(
        "create or replace view label_count as"
        " select id, 1::bigint as n, 'a' as m, null::text[] as t, 'b' as j from label",
        "view label_count",
    ),
    Tampered("alter view label_count reset (security_barrier)", "view label_count"),
    Tampered("alter view label set (security_invoker = true)", "view label", mended=False),
    Tampered("drop materialized view kinds", "view kinds"),
    Tampered("drop materialized view kinds; create view kinds as select 1 as one", "view kinds", mended=False),
    Tampered("drop view entries; create view entries as select id from audit.entry", "view entries"),
    Tampered("drop view entries; create view entries as select note from audit.entry", "view entries", mended=False),
    Tampered("drop rule quiet on label", "rule label.quiet"),
    Tampered("alter rule quiet on label rename to silent", "rule label.quiet"),
    Tampered("create or replace rule quiet as on delete to label do instead select 1", "rule label.quiet"),
    Tampered("drop trigger device_touch on device", "trigger device.device_touch"),
    Tampered("drop trigger metric_touch on metric", "trigger metric.metric_touch"),
    Tampered("drop trigger label_insert on label", "trigger label.label_insert"),
    Tampered("alter table device disable trigger device_touch", "trigger device.device_touch"),
    Tampered(
        "create or replace trigger device_touch after update on device for each row execute function touch()",
        "trigger device.device_touch",
    ),
    Tampered("drop aggregate total (int)", "aggregate total(integer)", mended=False),
    Tampered("drop procedure work", "function work(integer)", mended=False),
    Tampered("comment on procedure work is 'Works.'", "function work(integer)"),
    Tampered("drop policy own on device", "policy device.own"),
    Tampered("alter policy own on device using (true)", "policy device.own"),
    Tampered("alter policy own on device using (false)", "policy device.own", mended=False),
    Tampered("alter policy more on device to pg_monitor", "policy device.more"),
    Tampered("alter policy own on device to pg_monitor", "policy device.own", mended=False),
    Tampered("drop publication pub", "object publication pub", mended=False),
    Tampered("drop foreign table far", "object foreign table far", mended=False),
]


@pytest.mark.parametrize("tampered", TAMPERED, ids=lambda tampered: tampered.sql[:70])
def test_each_line_of_a_mend_runs_and_harms_nothing(
    with_every_kind: Connection, every_kind: Sets, kinds: Patches, tampered: Tampered
) -> None:
    with_every_kind.execute(tampered.sql.encode())
    result = verify.verify(with_every_kind, every_kind, kinds)
    assert tampered.object in {f"{item.kind} {item.object}" for item in result.differences}
    before = rows(with_every_kind)
    run(with_every_kind, result.differences)
    assert rows(with_every_kind) >= before
    left = verify.verify(with_every_kind, every_kind, kinds).differences
    assert bool(left) is not tampered.mended


def test_embeddings_of_another_type_are_mended_with_their_index(connection: Connection, sets: Sets) -> None:
    connection.execute(
        "drop index ix_memories_embedding; alter table memories alter embedding type halfvec(1536);"
        " create index ix_memories_embedding on memories using hnsw (embedding halfvec_cosine_ops)"
    )
    expected = snapshot.read(shipped.sql_directory())
    run(connection, verify.verify(connection, sets, expected).differences)
    assert verify.verify(connection, sets, expected).differences == ()


def run(connection: Connection, differences: tuple[Difference, ...]) -> None:
    """Runs what is not a comment, as it stands, a line at a time."""
    for line in (line for item in differences for line in item.mend.splitlines() if not line.startswith("--")):
        assert not HARMS.search(QUOTED.sub("", line)), line
        connection.execute(line.encode())


def rows(connection: Connection) -> set[str]:
    """The rows of all tables that are there as they were, by what columns hold that were not tampered with."""
    columns = {"device": "label, name, json", "device_log": "label, extra", "audit.entry": "lvl, note"}
    found: set[str] = set()
    for table in TABLES:
        query = f"select '{table}', row({columns.get(table, 't.*')})::text from {table} as t"
        with contextlib.suppress(psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            found |= {str(row) for row in connection.execute(query.encode())}
    return found
