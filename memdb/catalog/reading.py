"""The catalog of a database, in names that are alike wherever it lives and on each version of the server."""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from memdb.catalog import aliases, conjunctions, lookalikes
from memdb.catalog.keys import STANDALONE, Key
from memdb.catalog.lookalikes import LookAlike
from memdb.catalog.patches import Attributes, Objects
from memdb.database import Connection, patience, query
from memdb.shape import unquoted

# Words that PostgreSQL 17 has begun to quote where they are names (pg_get_keywords): always quoted here, so that what
# was read from one version equals what is read from another. "json" needs no quotes as a name of its own.
_QUOTED_SINCE_17 = "json_exists|json_query|json_scalar|json_serialize|json_table|json_value|merge_action"
_KEYWORDS = re.compile(
    rf"""'(?:[^']|'')*'|(?P<bare>"json")|"(?:[^"]|"")*"|(?<![\w$])(?P<quoted>{_QUOTED_SINCE_17})(?![\w$])"""
)
# `kind in ('a', 'b')` of a varchar is written out otherwise once it was read again from what pg_dump has written.
_VARCHARS = re.compile(
    r"""('(?:[^']|'')*')|ARRAY\[(?P<items>\('(?:[^']|'')*'::character varying\)::text"""
    r"""(?:, \('(?:[^']|'')*'::character varying\)::text)*)\]"""
)
_VARCHAR = re.compile(r"\(('(?:[^']|'')*'::character varying)\)::text")
_LINE_END = re.compile(r"\r\n?")
_SPACES = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|\s+""")

# What the server writes out depends on these, which are set for a database, a role, or in the file of the server.
_FORMS = "; ".join(
    f"set local {name}"
    for name in (
        "search_path = ''",
        "timezone = 'UTC'",
        "datestyle = 'ISO, MDY'",
        "intervalstyle = 'postgres'",
        "bytea_output = 'hex'",
        "extra_float_digits = 1",
        "standard_conforming_strings = on",
        "quote_all_identifiers = off",
        "array_nulls = on",
        "jit = off",
    )
)

_LOOKALIKES = "lookalikes"
_OWN_PATH = "search_path=(target), (vector), pg_temp"
_NO_SQL = frozenset({"comment", "labels", "body", "config"})
_OF_LINES = frozenset({"comment", "body"})  # they have the line ends of the checkout from which they were run
_REFLOWED = ("view", "rule")  # the server breaks their definitions into lines


@dataclass(frozen=True, slots=True)
class Catalog:
    """The objects of a database, and the versions of what they live in.

    `lookalikes` are looked for only where it was said what is asked for.
    """

    objects: Objects
    server_version: str
    pgvector_version: str | None
    lookalikes: tuple[LookAlike, ...] = ()


def read(connection: Connection, schema: str, only: Iterable[Key] | None = None, *, users: str = "") -> Catalog:
    """All that was made in a database by anyone; or what the keys in `only` name, with what belongs to it.

    What is in `schema` has its bare name. Partitions are left out: they come and go. Reads in a read-only transaction.
    `users` is the table that memories refer to, where the search_path has led there: it has its bare name, too.

    Names come out alike wherever the schema and the extensions live: the empty search_path makes the server qualify
    every name, and the qualifiers of these schemas are removed.
    """
    keys = None if only is None else list(only)
    schemas, names = (None, None) if keys is None else _wanted(keys)
    parameters = {"home": schema, "schemas": schemas, "names": names, "users": users}
    others = keys is None or any(key.kind == "object" for key in keys)
    files = [
        *("catalog", "catalog_tables"),
        *(["catalog_others"] if others else []),
        *([_LOOKALIKES] if keys is not None else []),
    ]
    parts = [f"({query(file, 'objects').rstrip().removesuffix(';')})" for file in files]  # in one round trip
    with connection.transaction(force_rollback=True):  # which also takes back the settings
        connection.execute(f"set transaction read only; {_FORMS}; {patience(connection)}")
        rows: dict[str, Any] = dict(connection.execute(" union all ".join(parts), parameters).fetchall())
    context, alike = rows.pop("context"), rows.pop(_LOOKALIKES, ())
    clean = _cleaner(tuple(context["qualifiers"]))
    return Catalog(
        objects=dict(
            sorted(
                _cleaned(Key.parse(text), _placed(value, context["qualifiers"]), clean) for text, value in rows.items()
            )
        ),
        server_version=context["server_version"],
        pgvector_version=context.get("pgvector_version"),
        lookalikes=lookalikes.of_rows(alike, lambda key: _clean_key(key, clean)),
    )


def _wanted(keys: Iterable[Key]) -> tuple[list[str | None], list[str]]:
    """The schemas, None for the target, and the names, without quotes, of what stands by itself."""
    standing = sorted({(key.within, key.name) for key in keys if key.kind in STANDALONE})
    return [unquoted(schema) or None for schema, _ in standing], [unquoted(name) for _, name in standing]


@functools.lru_cache(maxsize=4)
def _cleaner(qualifiers: tuple[str, ...]) -> Callable[[str], str]:
    """Removes `schema.` from SQL, but not inside string literals, unless they name a relation; and quotes alike.

    What it was given before it remembers: a catalog is read again after each migration that is tried.
    """
    names = "|".join(re.escape(name) for name in qualifiers if name != "pg_catalog")
    qualifier = re.compile(rf"""(?<![\w$".])(?:{names})\.(?=[\w"+*/<>=~!@#%^&|`?-])""")
    part = re.compile(rf"""('(?:[^']|'')*')(::regclass)?|{qualifier.pattern}""")

    def bared(match: re.Match[str]) -> str:
        literal, names_a_relation = match.groups()
        return qualifier.sub("", match[0]) if names_a_relation else literal or ""

    @functools.lru_cache(maxsize=4096)
    def clean(sql: str) -> str:
        bare = aliases.without_as(part.sub(bared, sql))
        return conjunctions.flat(_VARCHARS.sub(_as_first_written, _KEYWORDS.sub(_quoted_alike, bare)))

    return clean


def _as_first_written(match: re.Match[str]) -> str:
    return match[1] or f"(ARRAY[{_VARCHAR.sub(lambda item: item[1], match['items'])}])::text[]"


def _quoted_alike(match: re.Match[str]) -> str:
    return "json" if match["bare"] else f'"{match["quoted"]}"' if match["quoted"] else match[0]


def _clean_key(key: Key, clean: Callable[[str], str]) -> Key:
    """The name itself has its schema only where that is to stay; the arguments of a function may have others."""
    if key.kind == "object":
        return replace(key, name=clean(key.name))
    name, within = (_KEYWORDS.sub(_quoted_alike, part) for part in (key.name, key.within))
    return Key(key.kind, name, within, clean(key.arguments))


def _placed(attributes: Attributes, qualifiers: Iterable[str]) -> Attributes:
    """A search_path that a function was given of the target and the extension's schema is alike wherever these are."""
    known = {*qualifiers, "pg_temp"}
    settings = attributes.get("config") or []
    placed = [
        _OWN_PATH if name == "search_path" and len(path := value.split(", ")) == 3 and set(path) <= known else setting
        for setting in settings
        for name, _, value in [setting.partition("=")]
    ]
    return {**attributes, "config": placed} if placed else attributes


def _cleaned(key: Key, attributes: Attributes, clean: Callable[[str], str]) -> tuple[Key, Attributes]:
    reflowed = key.kind in _REFLOWED

    def cleaned(value: Any) -> Any:
        if isinstance(value, list):
            return [cleaned(item) for item in value]
        if isinstance(value, dict):
            return {name: cleaned(item) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        return _SPACES.sub(lambda match: match[1] or " ", clean(value)).strip() if reflowed else clean(value)

    def of_name(name: str, value: Any) -> Any:
        if name in _OF_LINES and isinstance(value, str):
            return _LINE_END.sub("\n", value)
        return value if name in _NO_SQL else cleaned(value)

    return _clean_key(key, clean), {name: of_name(name, value) for name, value in attributes.items()}
