"""What a memory is in a database: whose it is, and what its embedding is made of."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, cast, get_args
from uuid import UUID

from memdb import keywords
from memdb.errors import UsageError

EmbeddingType: TypeAlias = Literal["vector", "halfvec"]
UserKey: TypeAlias = UUID | int | str

USER_TYPES: Final[dict[str, type]] = {"uuid": UUID, "bigint": int, "integer": int, "text": str, "varchar": str}
"""The types that a user's key may have, with what Python makes of each. A varchar may have a length: varchar(255)."""

STAND_IN: Final = "Stand-in made by memdb"
"""Begins the comment on the table of users where the application has none."""

INDEXED_DIMENSIONS: Final[dict[EmbeddingType, int]] = {"vector": 2000, "halfvec": 4000}
"""As many dimensions as an HNSW index of pgvector takes (https://github.com/pgvector/pgvector#hnsw)."""

_MOST_DIMENSIONS = 16_000
_ALSO_CALLED = {
    "character varying": "varchar",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "bigserial": "bigint",
    "serial": "integer",
    "string": "text",
}
IDENTIFIER: Final = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_IDENTIFIER = re.compile(IDENTIFIER)
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_TYPE = re.compile(r"(?P<name>[a-z][a-z0-9 ]*?)\s*(?P<length>\([1-9][0-9]{0,6}\))?")
_EMBEDDING = re.compile(r"(\w+) ?\( ?(\d{1,9}) ?\)")


@dataclass(frozen=True, slots=True)
class Users:
    """The table whose rows memories belong to, and the column that they refer to; names are quoted where SQL needs it.

    `may_be_made`: whether memdb makes a stand-in where there is no such table.
    """

    table: str = "users"
    key: str = "id"
    key_type: str = "uuid"
    may_be_made: bool = True

    @property
    def schema(self) -> str:
        """Where the table is; nothing if the search_path leads to it."""
        return ".".join(identifiers(self.table)[:-1])

    @property
    def base_type(self) -> str:
        """The key's type without a length, as functions are told apart by it: one of USER_TYPES."""
        return self.key_type.partition("(")[0]

    @property
    def python_type(self) -> type:
        """UUID, int or str."""
        return USER_TYPES[self.base_type]

    @property
    def longest(self) -> int | None:
        """As many characters as a key may have; None where nothing is said of it."""
        length = self.key_type.partition("(")[2]
        return int(length[:-1]) if length else None


@dataclass(frozen=True, slots=True)
class Shape:
    """The default is the shape of the SQL that memdb ships."""

    users: Users = Users()
    embedding_type: EmbeddingType = "vector"
    dimensions: int = 1536

    def with_embedding(self, written: str) -> "Shape":
        """The same for embeddings of another type, as SQL writes it: halfvec(768). Raises UsageError for any other."""
        match = _EMBEDDING.fullmatch(written.strip().lower())
        if match is None:
            raise UsageError(
                f"an embedding cannot have the type {written!r}",
                hint="Write it as in SQL: vector(768), or halfvec(3072).",
            )
        return replace(self, embedding_type=embedding_type(match[1]), dimensions=dimensions(int(match[2])))

    @property
    def embedding(self) -> str:
        """The type of the column `embedding`, as SQL writes it."""
        return f"{self.embedding_type}({self.dimensions})"

    @property
    def is_indexed(self) -> bool:
        """Whether pgvector has an HNSW index for so many dimensions."""
        return self.dimensions <= INDEXED_DIMENSIONS[self.embedding_type]


DEFAULT: Final = Shape()


def identifiers(name: str) -> list[str]:
    """`auth.users` is `auth` and `users`; each as it is quoted."""
    return _IDENTIFIER.findall(name)


def unquoted(identifier: str) -> str:
    """The name that an identifier means."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def quoted(name: str) -> str:
    """A name as the catalog shows it: in quotes only where SQL needs them."""
    is_plain = _PLAIN.fullmatch(name) and name not in keywords.QUOTED
    return name if is_plain else '"{}"'.format(name.replace('"', '""'))


def name(text: str, *, most: int = 1) -> str:
    """A name as the catalog shows it, of so many parts at most: `id`, `auth.users`, or `"user"` for `user`.

    Raises UsageError for what is none, as it would be part of SQL, and for one that would end a comment or a body.
    """
    parts = identifiers(text)
    if ".".join(parts) != text or len(parts) > most or not text.isprintable() or "$$" in text:
        raise UsageError(
            f"{text!r} is not the name of a {'table' if most > 1 else 'column'}",
            hint="""Write it as in SQL, with quotes where it has capitals or spaces: users, auth.users, '"User"'. """
            "No name may have a line break or $$.",
        )
    return ".".join(quoted(unquoted(part)) for part in parts)


def user_type(text: str) -> str:
    """One of USER_TYPES, however it was written. Raises UsageError for any other type."""
    found = _user_type(text)
    if found is None:
        raise UsageError(f"a user's id cannot have the type {text!r}", hint=f"Choose one of {', '.join(USER_TYPES)}.")
    return found


def is_user_type(text: str) -> bool:
    """Whether ids of this type can be those of users."""
    return _user_type(text) is not None


def may_refer(one: str, other: str) -> bool:
    """Whether a foreign key of one type of users' ids may refer to the other: a text to any text, others to their own.

    Raises UsageError for what is no type of users' ids.
    """
    ours, theirs = (user_type(text).partition("(")[0] for text in (one, other))
    return ours == theirs or USER_TYPES[ours] is USER_TYPES[theirs] is str


def _user_type(text: str) -> str | None:
    match = _TYPE.fullmatch(unquoted(text.strip()).lower())  # in quotes, where the server is set to quote all names
    if match is None:
        return None
    name, length = _ALSO_CALLED.get(match["name"], match["name"]), match["length"] or ""
    return name + length if name in USER_TYPES and (name == "varchar" or not length) else None


def embedding_type(text: str) -> EmbeddingType:
    """Raises UsageError for a type that holds no embedding."""
    if text not in get_args(EmbeddingType):
        raise UsageError(f"an embedding cannot have the type {text!r}", hint="Choose vector or halfvec.")
    return cast("EmbeddingType", text)


def dimensions(number: int) -> int:
    """Raises UsageError for more than pgvector stores, or none."""
    if not 1 <= number <= _MOST_DIMENSIONS:
        raise UsageError(
            f"an embedding cannot have {number} dimensions", hint=f"pgvector stores 1 to {_MOST_DIMENSIONS:,}."
        )
    return number
