"""How many codes are found by words where a user has hundreds of their kind, so that each part of a code is common.

`python -m bench codes` takes half a minute. A code is found if the memory that has it is the first of the answer.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import LiteralString, TypeAlias
from uuid import UUID

import memdb
from bench.compare import Comparison
from memdb import database, embedded
from memdb.database import Connection

SIZES, QUESTIONS = (300, 3_000), 60
_INSERT: LiteralString = "insert into memories (user_id, memory_type, content) values (%s, 'task', %s)"
_SEARCH: LiteralString = "select content from search_memories_by_words(%s, %s)"
_FIRST = [first + last for first in ("an", "be", "ca", "do", "el", "fi", "ge") for last in ("na", "rt", "lo", "ra")]
_LAST = [
    first + last for first in ("moor", "wood", "hill", "field", "lake") for last in ("er", "s", "man", "ley", "by")
]

Kinds: TypeAlias = dict[str, tuple[str, Callable[[], Iterator[str]]]]
KINDS: Kinds = {
    "versions": ("deployed {} to the servers", lambda: _each("v{}.{}.{}", range(8), range(20), range(25))),
    "dates": ("{}: walked the dog", lambda: _each("{}-{:02}-{:02}", range(2016, 2026), range(1, 13), range(1, 29))),
    "IP addresses": ("{} answers", lambda: _each("10.0.{}.{}", range(25), range(150))),
    "e-mail addresses": ("wrote to {} again", lambda: _each("{}.{}@mail{}.example", _FIRST, _LAST, range(6))),
    "invoices": ("paid INV-{}", lambda: _each("{}-{:02}{:02}", range(2016, 2026), range(20), range(20))),
    "times": ("{} job done", lambda: _each("2026-03-{:02}T{:02}:{:02}", range(1, 29), range(24), range(60))),
}


def run() -> Iterator[Comparison]:
    """The shares of codes that are found, asked for alone and in a sentence."""
    with embedded.temporary() as server:
        conninfo = database.conninfo(server.url())
        with memdb.open(conninfo, sets=("hybrid_search",)) as db:
            db.migrate()
        with database.connect(conninfo, purpose="bench") as connection:
            for number, (size, kind) in enumerate(itertools.product(SIZES, KINDS), start=1):
                asked = fill(connection, UUID(int=number), kind, size)
                for way, sentence in (("alone", "{}"), ("in a sentence", "What do you know of {}, please?")):
                    found = sum(_is_first(connection, UUID(int=number), sentence, *one) for one in asked)
                    yield Comparison(f"{kind} of {size:,}, {way}", found, QUESTIONS, 0.95, at_least=True)


def fill(connection: Connection, user: UUID, kind: str, size: int) -> list[tuple[str, str]]:
    """Gives a user memories with a code each, and returns some of the codes with what they are part of."""
    chosen = random.Random(1)
    text, codes = KINDS[kind]
    rows = [(code, text.format(code)) for code in chosen.sample(list(codes()), size)]
    connection.execute("insert into users (id) values (%s)", [user])
    connection.cursor().executemany(_INSERT, [[user, content] for _, content in rows])
    return chosen.sample(rows, QUESTIONS)


def _each(form: str, *parts: range | list[str]) -> Iterator[str]:
    return (form.format(*values) for values in itertools.product(*parts))


def _is_first(connection: Connection, user: UUID, sentence: str, code: str, content: str) -> bool:
    row = connection.execute(_SEARCH, [user, sentence.format(code)]).fetchone()
    return row == (content,)
