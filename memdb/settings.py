"""Where a setting comes from: flag, then environment, then `.env`, then `memdb.toml`, then the default."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from memdb.errors import SettingsError

KNOWN_KEYS = {"database_url", "sql_dir", "sets", "schema"}


@dataclass(frozen=True, slots=True)
class Settings:
    """`database_url` None means the embedded database, `sql_dir` None the SQL that memdb ships.

    `schema` None means the first schema of the search_path.
    """

    database_url: str | None = field(default=None, repr=False)  # may hold a password
    database_url_source: str = "embedded"
    sql_dir: Path | None = None
    sets: tuple[str, ...] = ()
    schema: str | None = None


def load(
    *,
    database_url: str | None = None,
    sql_dir: Path | None = None,
    sets: tuple[str, ...] = (),
    schema: str | None = None,
    migrating: bool = False,
    directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings for a command that runs in `directory`, the current one by default.

    Raises SettingsError when `.env` or `memdb.toml` is there but cannot be used.
    """
    directory = directory or Path.cwd()
    project = _read_toml(directory / "memdb.toml")
    names = (*(["MEMDB_MIGRATION_URL"] if migrating else []), "MEMDB_DATABASE_URL", "DATABASE_URL")
    candidates: list[tuple[object, str]] = [
        (database_url, "--database-url"),
        *((environment.get(name), name) for name in names),
    ]
    if not any(value for value, _ in candidates):
        dotenv = _read_dotenv(directory / ".env")
        candidates += [(dotenv.get(name), f"{name} in .env") for name in names]
    candidates.append((project.get("database_url"), "memdb.toml"))
    url, source = next(((value, name) for value, name in candidates if value), (None, "embedded"))

    from_project = directory / str(project["sql_dir"]) if "sql_dir" in project else None
    return Settings(
        database_url=str(url) if url else None,
        database_url_source=source,
        sql_dir=sql_dir or _path_or_none(environment.get("MEMDB_SQL_DIR")) or from_project,
        sets=tuple(dict.fromkeys((*_sets(project), *sets))),
        schema=schema or environment.get("MEMDB_SCHEMA") or _text_or_none(project.get("schema")),
    )


def _text_or_none(value: object) -> str | None:
    return str(value) if value else None


def _path_or_none(value: str | None) -> Path | None:
    return Path(value) if value else None


def _sets(project: Mapping[str, object]) -> list[str]:
    sets = project.get("sets", [])
    if not isinstance(sets, list) or not all(isinstance(name, str) for name in sets):
        raise SettingsError("memdb.toml: sets is not a list of names", hint='Write it as sets = ["name"].')
    return sets


def _read_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", hint="Correct the file or remove it.") from None
    unknown = sorted(values.keys() - KNOWN_KEYS)
    if unknown:
        raise SettingsError(
            f"{path}: unknown setting {unknown[0]!r}", hint=f"Known settings are {', '.join(sorted(KNOWN_KEYS))}."
        )
    for key in ("database_url", "sql_dir", "schema"):
        if not isinstance(values.get(key, ""), str):
            raise SettingsError(f"{path}: {key} is not a string", hint=f'Write it as {key} = "…".')
    return values


def _read_dotenv(path: Path) -> dict[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return dotenv_values(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", hint="Correct the file or remove it.") from None
