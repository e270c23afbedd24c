"""The way that most people will run PostgreSQL: a pgvector container, through testcontainers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdb import database, migrations
from memdb.ledger import sqlfiles
from memdb.ledger.status import status as read_status

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """The connection string of a fresh `pgvector/pgvector:pg18` container."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").is_socket():
        pytest.skip("no container engine: DOCKER_HOST is not set, and there is no /var/run/docker.sock")
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer("pgvector/pgvector:pg18", driver=None) as running:
        yield database.conninfo(running.get_connection_url())


def test_core_goes_up_down_and_up_again_in_a_container(container: str, sets: sqlfiles.Sets) -> None:
    with database.connect(container, purpose="test") as connection:
        count = len(sets["core"])
        assert len(migrations.migrate(connection, sets).steps) == count
        assert len(migrations.rollback(connection, sets, steps=None).steps) == count
        assert migrations.migrate(connection, sets).applied == count
        assert read_status(connection, sets).clean
