"""verify-schema is silent about what is no drift, and says what it does not compare."""

import pytest

from memdb import catalog, database, embedded, recording, shipped
from memdb.catalog import KINDS, Key, misshapen
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from memdb.verification.snapshot import Patches
from tests.conftest import new_database
from tests.helpers import as_scratch, on_one_server


def test_a_snapshot_of_one_version_of_the_server_fits_another(
    empty_connection: Connection, sets: Sets, every_kind: Sets, kinds: Patches
) -> None:
    """On 18, what is read there equals what is read from 16, and the other way round."""
    other = 16 if empty_connection.info.server_version >= 180000 else 18
    with embedded.temporary(major=other) as server:
        with database.connect(server.url("postgres"), purpose="test") as there:
            assert recording.record_in(as_scratch(there), every_kind.migrations) == kinds
        with new_database(server.url("postgres")) as conninfo, database.connect(conninfo, purpose="test") as there:
            recorded = recording.record_in(as_scratch(there), sets.of(["core", *on_one_server(sets)]))
            shipped_ones = snapshot.read(shipped.sql_directory())
            assert recorded == {id: shipped_ones[id] for id in recorded}


COMES_AND_GOES = [
    "create table metric_2026 partition of metric for values from ('2026-01-01', minvalue) to ('2027-01-01', minvalue)",
    "create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01')",
    "drop table metric_2025",
    "alter table metric detach partition metric_2025",
    (
        "create table event_2026 (like event including all); create index on event_2026 (id);"
        " alter table event attach partition event_2026 for values from ('2026-01-01') to ('2027-01-01')"
    ),
    "create index of_application on metric_2025 (at); alter table metric_2025 set (fillfactor = 50)",
    "create trigger of_application after insert on metric_2025 for each row execute function touch()",
    "alter table metric validate constraint metric_device_fkey",
    "select nextval('ticket'), nextval('audit.entry_id_seq'); refresh materialized view kinds",
    "create table audit.of_application (id int); create view of_application as select 1 as one from label",
    (
        "create publication of_application for table device; create role other_{0};"
        " grant select on device to other_{0};"
        " alter default privileges grant select on tables to other_{0}; drop owned by other_{0}; drop role other_{0}"
    ),
]


@pytest.mark.parametrize("sql", COMES_AND_GOES)
def test_what_comes_and_goes_is_no_drift(
    with_every_kind: Connection, every_kind: Sets, kinds: Patches, sql: str
) -> None:
    with_every_kind.execute(sql.replace("{0}", with_every_kind.info.dbname).encode())
    assert verify.verify(with_every_kind, every_kind, kinds).differences == ()


def test_a_check_of_rows_that_was_made_up_for_is_no_drift(with_every_kind: Connection, every_kind: Sets) -> None:
    """What a migration makes NOT VALID, or on the parent only, and somebody has finished since."""
    made = {
        Key("constraint", "later", "remark"): {"definition": "CHECK ((ref > 0))", "validated": False},
        Key("index", "metric_at"): {
            "table": "metric", "method": "btree", "unique": False, "keys": ["at date_ops"], "valid": False,
        },
    }  # fmt: skip
    with_every_kind.execute(
        "alter table remark add constraint later check (ref > 0); create index metric_at on metric (at)"
    )
    recorded: Patches = {"0001_every_kind": {**catalog.read(with_every_kind, "public").objects, **made}}
    assert verify.verify(with_every_kind, every_kind, recorded).differences == ()


def test_each_kind_of_object_has_the_form_that_a_snapshot_has_to_have(kinds: Patches) -> None:
    assert {key.kind for key in snapshot.folded(kinds.values())} >= set(KINDS) - {"extension", "object"}
    changes = [(key, change) for patch in kinds.values() for key, change in patch.items()]
    assert [(key, name) for key, change in changes if (name := misshapen(key, change or {}))] == []


def test_it_names_what_it_does_not_compare(with_every_kind: Connection, every_kind: Sets, kinds: Patches) -> None:
    result = verify.verify(with_every_kind, every_kind, kinds)
    here = "; ".join(result.not_compared)
    for expected in (
        "partitions of event, metric",
        "publication pub",
        "foreign table far",
        "text search configuration",
    ):
        assert expected in here
    assert set(result.compared) >= {"schema", "domain", "type", "sequence", "statistics", "view", "rule", "aggregate"}


def test_of_core_it_names_nothing_special(connection: Connection, sets: Sets) -> None:
    result = verify.verify(connection, sets, snapshot.read(shipped.sql_directory()))
    assert result.not_compared == verify.NOT_COMPARED


def test_the_migrations_of_another_project_are_left_alone(connection: Connection, sets: Sets) -> None:
    patches = snapshot.read(shipped.sql_directory())
    connection.execute(
        "insert into _yoyo_migration (migration_hash, migration_id, applied_at_utc)"
        " select md5(n::text), 'billing_' || n, now() from generate_series(1, 5) as n"
    )
    result = verify.verify(connection, sets, patches)
    assert (result.ok, len(result.applied)) == (True, 8)
    assert "migrations of another project, which were left alone: billing_1, billing_2, billing_3 and 2 more" in (
        "".join(result.notes)
    )
    connection.execute("delete from _yoyo_migration where migration_id not like 'billing%'")
    result = verify.verify(connection, sets, patches)
    assert (result.ok, result.applied) == (True, ())
