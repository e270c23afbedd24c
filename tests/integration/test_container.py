"""The way that most people will run PostgreSQL: a pgvector container, through testcontainers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdb import database, migrations, sqlfiles


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """The connection string of a fresh `pgvector/pgvector:pg18` container."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").is_socket():
        pytest.skip("no container engine: DOCKER_HOST is not set, and there is no /var/run/docker.sock")
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer("pgvector/pgvector:pg18", driver=None) as running:
        yield database.conninfo(running.get_connection_url())


def test_core_goes_up_down_and_up_again_in_a_container(
    container: str, sets: dict[str, list[sqlfiles.Migration]]
) -> None:
    with database.connect(container, purpose="test") as connection:
        for run in (migrations.migrate, migrations.rollback, migrations.migrate):
            arguments = {"steps": None} if run is migrations.rollback else {}
            assert len(run(connection, sets, **arguments).steps) == len(sets["core"])
        assert migrations.status(connection, sets).clean
