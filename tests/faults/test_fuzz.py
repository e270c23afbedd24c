"""Hostile values for every option of every command and for every environment variable: never a traceback.

And an exit code that README explains, in good time, with nothing on the terminal that it would obey, and JSON that is
JSON. A new option is tried as soon as there is one.
"""

import io
import json
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import memdb
from memdb import database, embedded
from memdb.cli import main
from memdb.errors import EmbeddedError
from memdb.seeding import seed
from memdb.seeding.memories import Synthetic
from tests.conftest import new_database
from tests.faults import hostile
from tests.faults.conftest import Some
from tests.helpers import address

SECONDS = 30  # what hangs does so for ever; a busy machine is only slow
README = (Path(memdb.__file__).parents[1] / "README.md").read_text()
EXIT_CODES = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\udc00-\udfff]")

# What makes a command with one hostile value quick and harmless; the hostile value comes later and counts.
BASE = {
    ("benchmark-similarity",): ["--queries", "1", "--no-cache", "--duration", "0.1"],
    ("benchmark-similarity", "report"): ["--compare", "none.json"],  # which is read after the names are checked
    ("benchmark-similarity", "sql_dir"): ["--queries-from", "none.npz"],  # it makes no difference to a search
    ("demo",): ["--memories", "100"],
    ("init",): ["project"],
    ("new",): ["add importance", "--sql-dir", "sql"],
    ("seed",): ["--append", "--memories", "10", "--users", "1"],
    ("seed", "file"): ["--append"],  # which says itself whose memories it holds
}

VARIABLES = sorted(
    {
        name
        for path in Path(memdb.__file__).parent.rglob("*.py")
        for name in re.findall(r"MEMDB_[A-Z_]+|DATABASE_URL", path.read_text())
    }
)
OF_OTHERS = [
    *(
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGDATABASE",
        "PGUSER",
        "PGPASSWORD",
        "PGPASSFILE",
        "PGSERVICE",
        "PGSERVICEFILE",
    ),
    *("PGOPTIONS", "PGSSLMODE", "PGSSLROOTCERT", "PGCHANNELBINDING", "PGCONNECT_TIMEOUT", "PGCLIENTENCODING", "PGTZ"),
    *("PGAPPNAME", "PGTARGETSESSIONATTRS", "PGSYSCONFDIR", "PGDATESTYLE", "PGREQUIREAUTH", "PGGSSENCMODE"),
    *(
        "NO_COLOR",
        "FORCE_COLOR",
        "TERM",
        "COLUMNS",
        "LINES",
        "TERMINAL_WIDTH",
        "LANG",
        "LC_ALL",
        "TZ",
        "HOME",
        "TMPDIR",
    ),
    *("USER", "LOGNAME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "PATH", "_TYPER_STANDARD_TRACEBACK"),
]
PLACES = {"MEMDB_DATA_DIR", "HOME", "TMPDIR", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "USER", "LOGNAME"}


class Hangs(BaseException):
    """No error of memdb's, so that nothing takes it for one."""


@pytest.fixture(autouse=True)
def _end_what_hangs() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, end)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def url(server: str, template: str) -> Iterator[str]:
    """A database with a few memories."""
    with new_database(server, template=template) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            seed.seed(connection, Synthetic(users=1, memories=30, random_seed=1))
        yield address(conninfo, "psycopg")


@pytest.fixture(autouse=True)
def _surroundings(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a database of its own, and no embedded server: it takes its time, and has its own tests."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name in (*VARIABLES, "PYTHONWARNINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEMDB_DATABASE_URL", url)
    monkeypatch.setenv("MEMDB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def refuse(*_: object, **__: object) -> None:
        raise EmbeddedError("there is no embedded server in this test")

    monkeypatch.setattr(embedded, "start", refuse)
    monkeypatch.setattr(embedded, "temporary", refuse)


def fault(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command does that it must not, or nothing."""
    capsys.readouterr()
    signal.alarm(SECONDS)
    try:
        code = main(list(arguments))
    except Hangs:
        return f"does not end within {SECONDS} s"
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return f"raises {error!r:.200}"
    finally:
        signal.alarm(0)
    out, err = capsys.readouterr()
    if code not in EXIT_CODES:
        return f"ends with {code}"
    if "Traceback" in out + err or "memdb has a bug" in err:
        return err[-300:]
    if found := CONTROL.search(out + err):
        return f"sends {found[0]!r} to the terminal: {out + err:.300}"
    return _json_fault(out) if "--format=json" in arguments else ""


def _json_fault(out: str) -> str:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(out, parse_constant=refuse)
    except ValueError as error:
        return f"writes no JSON ({error}): {out[:200]!r}"
    return ""


def options() -> Iterator[Any]:
    """Each command with each option and argument that takes a value."""
    for path, command in hostile.commands():
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False):
                yield pytest.param(path, parameter, id=f"{' '.join(path)} {parameter.name}")


@pytest.mark.parametrize(("path", "parameter"), list(options()))
def test_no_value_of_an_option_brings_a_traceback(
    path: tuple[str, ...], parameter: Any, some: Some, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = BASE.get((*path, parameter.name), BASE.get(path, []))
    faults = {}
    for value in some(hostile.values(parameter, tmp_path)):
        if parameter.param_type_name == "argument":
            arguments = [*path, *base[1:], "--format=json", "--", value]
        elif parameter.name == "format":
            arguments = [*path, *base, f"--format={value}"]
        else:
            arguments = [*path, *base, f"{parameter.opts[0]}={value}", "--format=json"]
        if found := fault(arguments, capsys):
            faults[value[:80]] = found
    assert faults == {}


@pytest.mark.parametrize("name", [*VARIABLES, *OF_OTHERS])
def test_no_value_of_an_environment_variable_brings_a_traceback(
    name: str, some: Some, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = {}
    values = hostile.URLS if name.endswith("_URL") else [*hostile.TEXTS, "nan", "-1", "9" * 30, "½", str(tmp_path)]
    for value in some(values):
        if "\0" not in value:  # which the system cannot hand over
            monkeypatch.setenv(name, value)
            if found := fault([*(["db", "url"] if name in PLACES else ["status"]), "--format=json"], capsys):
                faults[value[:80]] = found
    assert faults == {}


@pytest.mark.parametrize("path", [path for path, _ in hostile.commands()], ids=" ".join)
def test_flags_and_superfluous_words_bring_no_traceback(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    faults = {}
    for more in ("--help", "--no-such", "--format", "word word", "--cold", "--all", "--", "-", "--yes=x", "--reset"):
        if found := fault([*path, *BASE.get(path, []), *more.split()], capsys):
            faults[more] = found
    assert faults == {}
