"""Finding memories by meaning, by words, or by both: one statement, with those functions of sets that are there."""

from collections.abc import Collection, Sequence
from typing import LiteralString, NamedTuple

from memdb.database import query

BY_MEANING, BY_WORDS, BY_BOTH = "search_memories", "search_memories_by_words", "search_memories_hybrid"
FUNCTIONS = (BY_MEANING, BY_WORDS, BY_BOTH)

LISTED = 2
"""So many times as many memories as are asked for are in each of the two lists that are merged."""


class Surroundings(NamedTuple):
    """The extension's schema and the number of its type vector, the type of embeddings, the type of tiers with its
    schema where that has to be said, and which FUNCTIONS are there.
    """

    extension: str
    vector: int
    embedding: str
    tier_schema: str | None
    tier: str
    functions: Collection[str]
    reads_what_is_committed: bool


def statement(name: str, block: str, known: Surroundings, table: Sequence[str], sent: Sequence[str]) -> LiteralString:
    """A block of sql/queries with all names filled in; `sent` is the type that an embedding is sent as."""
    return query(
        name,
        block,
        **{function: (*table[:-1], function) for function in FUNCTIONS},
        table=table,
        extension=(known.extension,),
        embedding=(known.extension, known.embedding),
        tier=(known.tier,) if known.tier_schema is None else (known.tier_schema, known.tier),
        sent=sent,
    )


def put_together(
    known: Surroundings, table: Sequence[str], sent: Sequence[str], *, outermost: str, functions: Collection[str]
) -> str:
    """The statement whose parameters sql/queries/retrieval.sql explains, from a block that is `outermost`.

    Of the `functions`, those are called that it can use; a list that none gives is read from all memories of the user.
    """
    parts = {
        "ranked": "ranked_by_function" if BY_BOTH in functions else "ranked",
        "near": "near_by_function" if BY_MEANING in functions else "near",
        "worded": "worded_by_function" if BY_WORDS in functions else "worded",
        "of_user": "of_user",
    }
    text: str = statement("retrieval", parts.get(outermost, outermost), known, table, sent)
    for name, block in parts.items():
        text = text.replace(f"{{{name}}}", statement("retrieval", block, known, table, sent))
    return text


def lacks_a_list(functions: Collection[str]) -> bool:
    """Whether a list is read from all memories of the user, by a statement that takes all eight parameters."""
    return BY_BOTH not in functions and not {BY_MEANING, BY_WORDS} <= set(functions)
