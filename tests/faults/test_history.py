"""Files and history that no longer fit together stop a migrate before it does anything."""

import pytest

from memdb import migrations
from memdb.database import Connection
from memdb.errors import HistoryError
from memdb.ledger import sqlfiles
from tests.faults.conftest import Folder
from tests.faults.observing import applied

ONE, TWO, THREE = [(f"create type {name} as enum ();", f"drop type {name};") for name in ("one", "two", "three")]


def test_a_late_file_stops_migrate_and_may_be_applied_on_purpose(connection: Connection, folder: Folder) -> None:
    migrations.migrate(connection, sqlfiles.read_sets(folder(m0001_one=ONE, m0003_three=THREE)))
    sets = sqlfiles.read_sets(folder(m0002_two=TWO))
    with pytest.raises(HistoryError, match=r"0002_two\.sql is pending, but a migration with a higher number") as raised:
        migrations.migrate(connection, sets)
    assert "next free number" in raised.value.hint
    assert "--out-of-order" in raised.value.hint
    assert applied(connection) == ["0001_one", "0003_three"]
    migrations.migrate(connection, sets, out_of_order=True)
    assert applied(connection) == ["0001_one", "0003_three", "0002_two"]


def test_an_applied_file_that_is_gone_stops_migrate(connection: Connection, folder: Folder) -> None:
    directory = folder(m0001_one=ONE, m0002_two=TWO)
    migrations.migrate(connection, sqlfiles.read_sets(directory))
    for file in directory.glob("core/0002*"):
        file.unlink()
    sets = sqlfiles.read_sets(folder(m0003_three=THREE))
    with pytest.raises(HistoryError, match="0002_two is applied, but its file is not there") as raised:
        migrations.migrate(connection, sets)
    assert "memdb repair --unmark 0002_two" in raised.value.hint
    assert applied(connection) == ["0001_one", "0002_two"]
