"""PgBouncer in transaction mode before a database, as many applications have it."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CONFIGURATION = """
[databases]
{dbname} = {target}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {size}
logfile = {folder}/log
pidfile = {folder}/pid
"""
PORT = 6432


@contextlib.contextmanager
def pooled(conninfo: str, *, user: str | None = None, size: int = 2) -> Iterator[str]:
    """The connection string of a database by way of a transaction pooler, which asks as `user`."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian: apt install pgbouncer)")
    values = conninfo_to_dict(conninfo)
    user = user or str(values.get("user") or getpass.getuser())
    target = make_conninfo(conninfo, user=user)
    with tempfile.TemporaryDirectory(prefix="memdb-pooler-") as name:
        folder = Path(name)
        configuration = _CONFIGURATION.format(
            dbname=values["dbname"], target=target, folder=folder, port=PORT, size=size
        )
        (folder / "ini").write_text(configuration)
        command = [program, "--quiet", str(folder / "ini")]
        if os.geteuid() == 0:  # PgBouncer does not run as root: let it be the user that the server runs as
            owner = _socket(values).owner() if _socket(values).exists() else "nobody"
            shutil.chown(folder, owner)
            folder.chmod(0o755)
            command = ["setpriv", f"--reuid={owner}", "--clear-groups", *command]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_for(folder / f".s.PGSQL.{PORT}", process)
                yield make_conninfo(conninfo, host=name, port=PORT, user=user)
            finally:
                process.terminate()


def _socket(values: Mapping[str, Any]) -> Path:
    return Path(values.get("host") or "/var/run/postgresql", f".s.PGSQL.{values.get('port') or 5432}")


def _wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 10
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            assert process.stderr is not None
            pytest.fail(f"PgBouncer does not start: {process.stderr.read()}")
        time.sleep(0.01)
