"""What docs/models.md has for env.py of Alembic leaves nothing for autogenerate to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from memdb import migrations, models
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets
from tests import application
from tests.helpers import address

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[3] / "docs" / "models.md"


@pytest.fixture
def include_object() -> Any:
    section = PAGE.read_text().partition("### Beside Alembic")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    return names["include_object"]


def proposed(url: str, metadata: MetaData, include_object: Any) -> list[Any]:
    """What autogenerate would write, with types and defaults compared."""
    options = {"include_object": include_object, "compare_type": True, "compare_server_default": True}
    engine = sqlalchemy.create_engine(address(url, "psycopg"), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return [*compare_metadata(MigrationContext.configure(connection, opts=options), metadata)]


@pytest.fixture
def beside(empty: str, empty_connection: Connection, sets: Sets) -> str:
    """A database whose users and Alembic's history are the application's, with every set of memdb's."""
    engine = sqlalchemy.create_engine(address(empty, "psycopg"), poolclass=sqlalchemy.NullPool)
    application.Base.metadata.tables["users"].create(engine)
    empty_connection.execute("create table alembic_version (version_num varchar(32) primary key)")
    migrations.run(empty_connection, sets, migrations.Migrate(chosen=("fast_search",)))
    return empty


def test_nothing_is_proposed_beside_an_application(beside: str, include_object: Any) -> None:
    assert proposed(beside, application.Base.metadata, include_object) == []


def test_nothing_is_proposed_where_the_application_maps_no_memories(beside: str, include_object: Any) -> None:
    alone = MetaData()
    application.Base.metadata.tables["users"].to_metadata(alone)
    assert proposed(beside, alone, include_object) == []


def test_what_the_application_changes_is_proposed(beside: str, include_object: Any) -> None:
    changed = MetaData()
    application.Base.metadata.tables["users"].to_metadata(changed)
    changed.tables["users"].append_column(sqlalchemy.Column("name", sqlalchemy.Text))
    ((what, _, table, column),) = proposed(beside, changed, include_object)
    assert (what, table, column.name) == ("add_column", "users", "name")


def test_the_names_are_those_of_all_tables_that_memdb_makes(connection: Connection, include_object: Any) -> None:
    tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    left = [name for (name,) in tables if include_object(None, name, "table", True, None)]
    assert left == [models.User.__tablename__]
