"""A fixture with which an application's own tests hold its models to the schema.

In conftest.py: `pytest_plugins = ["memdb.pytest_plugin"]`.
"""

from pathlib import Path
from typing import Protocol

import pytest


class AssertModelsMatch(Protocol):
    """Fails the test unless the models are as the schema is: that of the snapshot and, given a URL, of a database."""

    def __call__(
        self, models: str = "memdb.models:Base", database_url: str | None = None, *, sql_dir: Path | None = None
    ) -> None: ...


@pytest.fixture(scope="session")
def assert_models_match() -> AssertModelsMatch:
    """`assert_models_match("app.models:Base", database_url)`"""
    return _assert_models_match


def _assert_models_match(
    models: str = "memdb.models:Base", database_url: str | None = None, *, sql_dir: Path | None = None
) -> None:
    from memdb import database, shipped
    from memdb.ledger import sqlfiles
    from memdb.output import render
    from memdb.verification import drift, snapshot

    directory = sql_dir or shipped.sql_directory()
    sets, patches = sqlfiles.read_sets(directory), snapshot.read(directory)
    if database_url is None:
        result = drift.verify_models(models, sets, patches)
    else:
        with database.connect(database.conninfo(database_url), purpose="verify-models") as connection:
            result = drift.verify_models(models, sets, patches, connection)
    if not result.ok:
        pytest.fail("\n".join(render(result)), pytrace=False)
