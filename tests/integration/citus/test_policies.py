"""Policies are written anew for shards, and come back as they were. A role that they hold moves no rows."""

from pathlib import Path

import psycopg
import pytest

import memdb
from memdb import shipped
from memdb.errors import MemdbError
from tests.integration.citus.conftest import Cluster, rows, schema
from tests.integration.citus.secured import BESIDE, SECURED, USERS, filled
from tests.integration.citus.test_distributing import bring_back, distribute


@pytest.mark.parametrize("key", USERS)
def test_policies_come_back_exactly(cluster: Cluster, tmp_path: Path, key: str) -> None:
    with filled(cluster, key, tmp_path / "sql") as (conninfo, _):
        before, there = schema(conninfo), rows(conninfo, *BESIDE)
        distribute(conninfo)
        with memdb.open(conninfo, sets=(*SECURED, "citus")) as db:
            assert key != "uuid" or db.verify().ok  # what is expected of another shape is not known
        bring_back(conninfo)
        assert rows(conninfo, *BESIDE) == there
        assert schema(conninfo) == before


OTHERS = """
create policy mine on memories for select using (user_id = (select memory_user()) and content <> '');
create policy hers on memory_collections for select using (exists (select from memories as m where m.id = id))
"""


def test_policies_of_an_application_are_carried_or_in_the_way(cluster: Cluster, tmp_path: Path) -> None:
    with filled(cluster, "uuid", tmp_path / "sql") as (conninfo, _):
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(OTHERS)
            with pytest.raises(MemdbError) as refused:
                distribute(conninfo)
            for table in ("memory_importance", "memory_retention", "memory_embedding_sources"):
                assert f"the policy {table}_select on {table} has a subquery" in str(refused.value)
            assert "the policy hers on memory_collections has a subquery" in str(refused.value)
            assert "on memories has" not in str(refused.value)
            connection.execute("drop policy hers on memory_collections; drop policy mine on memories")
            connection.execute("create policy mine on memories for delete using ((select memory_user()) = user_id)")
        distribute(conninfo)
        with psycopg.connect(conninfo) as connection:
            written = "select pg_get_expr(polqual, polrelid) from pg_policy where polname = 'mine'"
            assert connection.execute(written).fetchone() == ("(memory_user() = user_id)",)


def test_no_rows_are_moved_by_a_role_that_sees_only_some(cluster: Cluster, tmp_path: Path) -> None:
    folder = shipped.sql_directory() / "citus"
    with filled(cluster, "uuid", tmp_path / "sql") as (conninfo, role), psycopg.connect(conninfo) as connection:
        with memdb.open(conninfo, sets=("citus",)) as db:
            db.migrate(to="4049")
        for path in (*folder.glob("4001_*way.sql"), *folder.glob("4050_*.sql")):
            connection.execute(f"set role {role}".encode())
            with pytest.raises(psycopg.Error, match=r"policies show .* only some"):
                connection.execute(path.read_bytes())
            connection.rollback()
