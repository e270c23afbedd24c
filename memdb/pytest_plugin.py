"""A fixture with which an application's own tests hold its models to the schema.

In conftest.py: `pytest_plugins = ["memdb.pytest_plugin"]`.
"""

from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

import memdb


class AssertModelsMatch(Protocol):
    """Fails the test unless the models are as the schema is: that of the snapshot and, given a URL, of a database.

    The SQL and the schema are those of `memdb verify-models`, where pytest was started: MEMDB_SQL_DIR, memdb.toml.
    """

    def __call__(
        self, models: str = "memdb.models:Base", database_url: str | None = None, *, sql_dir: Path | None = None
    ) -> None: ...


@pytest.fixture(scope="session")
def assert_models_match(pytestconfig: pytest.Config) -> AssertModelsMatch:
    """`assert_models_match("app.models:Base", database_url)`"""
    return partial(_assert_models_match, pytestconfig.invocation_params.dir)


def _assert_models_match(
    directory: Path,
    models: str = "memdb.models:Base",
    database_url: str | None = None,
    *,
    sql_dir: Path | None = None,
) -> None:
    from memdb.output.rendering import render  # loaded by those who use it, not by all who have the plugin

    try:
        with memdb.open(database_url, sql_dir=sql_dir, directory=directory) as db:
            result = db.verify_models(models, offline=database_url is None)
        told = [] if result.ok else render(result)
    except memdb.MemdbError as error:
        told = [error.message, *([error.hint] if error.hint else [])]
    if told:
        pytest.fail("\n".join(told), pytrace=False)
