"""Texts that PostgreSQL can store, and that say something."""

from typing import Any

from memdb.errors import InvalidMemory

MAXIMUM_CONTENT = 10_000


def content(value: Any) -> str:
    """What is remembered: 1 to 10,000 characters, and not only white space. It is stored as it is given."""
    return text(value, "content", MAXIMUM_CONTENT)


def collection_type(value: Any) -> str:
    """The kind of a collection: 1 to 50 characters, as its column has them."""
    return text(value, "collection_type", 50)


def name(value: Any) -> str:
    """The name of a collection: 1 to 255 characters, as its column has them."""
    return text(value, "name", 255)


def description(value: Any) -> str:
    """What a collection is for: any text."""
    return text(value, "description", blank=True)


def text(value: Any, name: str, longest: int | None = None, *, blank: bool = False) -> str:
    """A text of at most `longest` characters, which may say nothing where `blank` is true. `name` is for errors."""
    if not isinstance(value, str):
        raise InvalidMemory(f"{name} must be text, but is {type(value).__name__}", hint="Give it a str.")
    if fault := unstorable(value):
        raise InvalidMemory(f"{name} {fault}", hint="Remove it, or fix what put it there.")
    if not blank and not value.strip():
        raise InvalidMemory(f"{name} is empty, or all white space", hint="Store only text that says something.")
    if longest is not None and len(value) > longest:
        raise InvalidMemory(f"{name} has {len(value):,} characters", hint=f"Shorten it to {longest:,} or fewer.")
    return value


def unstorable(value: str) -> str | None:
    """Why PostgreSQL cannot store a text, if so: it is UTF-8 there, and a NUL ends it."""
    if "\0" in value:
        return "has a NUL character, which PostgreSQL cannot store"
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        return "has half of a surrogate pair, which is not text: was an emoji cut in half?"
    return None
