"""`.env` and `memdb.toml`. Their lines may hold a password, so errors say where they are and not what they say."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memdb import files, words
from memdb.errors import SettingsError

if TYPE_CHECKING:
    from dotenv.parser import Binding

_LISTS = {"sets", "trusted_schemas"}
KNOWN_KEYS = {"database_url", "sql_dir", "sets", "schema", "scratch_url", "scratch_setup", "trusted_schemas"}
_DOTENV = ".env"
_ADDRESSES = ("DATABASE_URL", "MIGRATION_URL")


def read_toml(path: Path) -> dict[str, object]:
    """The settings of a project; none where there is no file. Raises SettingsError for one that cannot be used."""
    text = _read(path)
    if text is None:
        return {}
    import tomllib

    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply", hint='Write settings as name = "value".') from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (line \d+, column \d+)\)", str(error))
        where = f", {place[1]}" if place else ""
        raise SettingsError(
            f"{path}{where}: this is not TOML (the line is not shown, as it may hold a password)",
            hint='Write settings as name = "value", each once.',
        ) from None
    for key in values.keys() - KNOWN_KEYS:
        shown = f"setting {key!r}" if re.fullmatch("[A-Za-z_-]{1,30}", key) else "setting"
        raise SettingsError(f"{path}: unknown {shown}", hint=f"Known settings are {', '.join(sorted(KNOWN_KEYS))}.")
    for key in sorted(KNOWN_KEYS - _LISTS):
        if not isinstance(values.get(key, ""), str):
            raise SettingsError(f"{path}: {key} is not a string", hint=f'Write it as {key} = "…".')
    return values


def names(project: Mapping[str, object], key: str) -> list[str]:
    """A setting that is a list, such as the sets that the project uses. Raises SettingsError when it is none."""
    found = project.get(key, [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise SettingsError(f"memdb.toml: {key} is not a list of names", hint=f'Write it as {key} = ["name"].')
    for name in found:
        expect_no_address(name, f"{key} in memdb.toml")
    return found


def expect_no_address(value: str, source: str) -> None:
    """Raises SettingsError for an address in the place of a name or path, which messages would show."""
    if words.may_hold_password(value):
        raise SettingsError(
            f"{source} is the address of a database (it is not shown, as it may hold a password)",
            hint="An address belongs in MEMDB_DATABASE_URL, or database_url in memdb.toml.",
        )


def read_dotenv(path: Path) -> dict[str, str | None]:
    """The variables of the file; none where there is no file. Raises SettingsError where a line cannot be read.

    What ${NAME} stands for is said above it in the file. Nothing of the environment is filled in: it could be a secret,
    and the address one of somebody else's.
    """
    text = _read(path)
    if text is None:
        return {}
    import io

    from dotenv.parser import parse_stream

    found: dict[str, str | None] = {}
    for line in parse_stream(io.StringIO(text)):
        if fault := _fault(line, found):
            raise SettingsError(
                f"{path}, line {_line_number(line.original.string, line.original.line)} {fault} "
                "(it is not shown, as it may hold a password)",
                hint='Write it as NAME="value". What is in the environment is not filled in.',
            )
        if line.key is not None:
            found[line.key] = None if line.value is None else _filled_in(line.value, found)
    return found


def _filled_in(value: str, found: Mapping[str, str | None]) -> str:
    from dotenv.variables import parse_variables

    return "".join(part.resolve(found) for part in parse_variables(value))


def _fault(line: "Binding", found: Mapping[str, str | None]) -> str:
    """What is wrong with a line; nothing where it can be used."""
    if line.error or (line.key is not None and line.value is None and not _may_stand_alone(line.key)):
        return "cannot be read"
    if line.key and line.key.endswith(_ADDRESSES):
        # What is not set would become nothing, and the rest could be the address of another database.
        names = re.findall(r"\$\{([^}:]*)\}", line.value or "")
        return "" if all(map(found.get, names)) else "refers to a variable that is not set above it"
    return ""


def _may_stand_alone(name: str) -> bool:
    """A name without a value means something to other tools; an address without one is a slip."""
    return re.fullmatch(r"\w+", name) is not None and not name.endswith(_ADDRESSES)


def _line_number(text: str, first: int) -> int:
    """Of what the parser reads at once, blank lines and comments in front are no part of the fault."""
    lines = enumerate(text.splitlines())
    return first + next((number for number, line in lines if line.strip() and not line.lstrip().startswith("#")), 0)


def _read(path: Path) -> str | None:
    """The text without a byte order mark, which editors on Windows put in front; None where there is no file."""
    try:
        if not os.path.lexists(path) or (path.is_dir() and path.name == _DOTENV):  # virtual environments are called so
            return None
        return files.read_bytes(path).decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", hint="Correct the file or remove it.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not in UTF-8", hint="Save it in UTF-8, or remove it.") from None
