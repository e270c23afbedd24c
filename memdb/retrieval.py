"""Finding memories by meaning, by words, or by both: one statement, with those functions of sets that are there."""

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from memdb import shipped, values
from memdb.database import filled_in
from memdb.errors import DatabaseError, UsageError
from memdb.shape import Users
from memdb.values import Filter, UserKey, Where

BY_MEANING, BY_WORDS, BY_BOTH = "search_memories", "search_memories_by_words", "search_memories_hybrid"
BY_CONDITION, WEIGHED, EXPIRED = "search_memories_where", "recall_memories", "memories_expired"
IN_COLLECTION, WITH_IDS = "search_memories_in_collection", "memories_with_ids"
FUNCTIONS = (BY_MEANING, BY_WORDS, BY_BOTH, BY_CONDITION, WEIGHED, IN_COLLECTION, EXPIRED)
CALLED = (*FUNCTIONS, WITH_IDS)
VERSIONS, ARCHIVED = "memory_versions", "search_memory_archive"

MEMBERS, KEPT = "memory_collection_members", "memory_retention"

MOST = 1000
LISTED, FUSED = 2, 60
"""The lists that are merged have LISTED times k memories each, and one is worth 1 / (FUSED + its place), as in SQL."""

_LONGEST_TEXT = 3000


class Surroundings(NamedTuple):
    """The extension's schema and the number of its type vector, the type of embeddings, the type of tiers with its
    schema where that has to be said, and which of CALLED are there.

    `successor` is the model that has taken over, whose embeddings are not in memories. `former_dimensions` are those of
    questions that the embeddings in memories answer all the same; None where they answer none.
    """

    extension: str
    vector: int
    embedding: str
    tier_schema: str | None
    tier: str
    functions: frozenset[str]
    reads_what_is_committed: bool
    successor: str | None = None
    former_dimensions: int | None = None

    @property
    def is_distributed(self) -> bool:
        """Whether memories are in shards by user. Then a statement calls functions or reads the table, and not both."""
        return WITH_IDS in self.functions

    def require_in_memories(self, dimensions: int) -> None:
        """For a search that reads the embeddings in memories. Raises DatabaseError where others answer the question."""
        if self.successor is not None and dimensions != self.former_dimensions:
            raise DatabaseError(
                f"{self.successor} has taken over, and this search reads the embeddings in memories, which the model "
                "before it made",
                hint="This role needs to execute search_memories and search_memories_where.",
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the statements take it, but for the embedding, of which each driver has a form of its own.

    With `only`, an answer has nothing but that memory, as it stands among the others; with `collection`, there are no
    others than those in it.
    """

    user_id: UserKey
    text: str | None
    tiers: list[str] | None
    metadata: Filter
    max_distance: float | None
    k: int
    only: UUID | None = None
    collection: UUID | None = None

    def statement(
        self, known: Surroundings, table: tuple[str, ...], embedding: Any, sent: tuple[str, ...]
    ) -> tuple[str, tuple[Any, ...]]:
        """The text, and its parameters as sql/queries/retrieval.sql numbers them."""
        functions = self.functions(known)
        parameters = (*self.parameters(embedding), self.text, self.only)
        if self.collection is not None:
            block = "of_collection_in_shard" if known.is_distributed else "of_collection"
            text = _put_together(known._replace(functions=functions), table, sent, of=block)
            return text, (*parameters, self.metadata.path, self.collection)
        text = _put_together(known._replace(functions=functions), table, sent)
        return text, (*parameters, self.metadata.path) if _reads_all(functions) else parameters

    def functions(self, known: Surroundings) -> frozenset[str]:
        """Those that the statement may call.

        One by words knows neither collections nor the conditions that are a jsonpath.
        """
        is_plain = self.metadata.path is None
        if known.is_distributed and (self.collection is not None or not is_plain or _reads_all(known.functions)):
            return known.functions & {EXPIRED}
        if self.collection is not None:
            return known.functions & {EXPIRED, IN_COLLECTION}
        without = known.functions - {IN_COLLECTION}
        return without - {BY_CONDITION} if is_plain else without & {EXPIRED, BY_CONDITION}

    def reads_embeddings(self, known: Surroundings) -> bool:
        """Whether the statement itself compares those in memories: functions know which model answers."""
        return not self.functions(known) & {BY_BOTH, BY_MEANING, BY_CONDITION, IN_COLLECTION}

    def weighed(
        self, known: Surroundings, table: tuple[str, ...], embedding: Any, sent: tuple[str, ...]
    ) -> tuple[str, tuple[Any, ...]]:
        """The same for recall_memories, which has to be there, and knows no words."""
        return _weighed(known, table, sent), (*self.parameters(embedding), self.metadata.path)

    def parameters(self, embedding: Any) -> tuple[Any, ...]:
        """$1 to $6."""
        contained = None if self.metadata.contained is None else json.dumps(self.metadata.contained)
        return self.user_id, embedding, self.k, self.tiers, self.max_distance, contained


def asked(
    users: Users,
    user_id: Any,
    text: str | None,
    *,
    k: int,
    tiers: Iterable[Any] | None,
    metadata: dict[str, Any] | None,
    where: Iterable[Where],
    max_distance: float | None,
    collection: UUID | None = None,
) -> Asked:
    """A question about the memories of a user. Raises InvalidMemory for what none of them can have, and UsageError."""
    if not _is_within(k, Integral, 1, MOST):
        raise UsageError(f"k is {k!r}", hint=f"Give a whole number from 1 to {MOST:,}.")
    if max_distance is not None and not _is_within(max_distance, Real, 0, 2):
        raise UsageError(f"max_distance is {max_distance!r}", hint="Cosine distances are 0 to 2.")
    wanted = None if tiers is None else [values.tier(tier).value for tier in tiers]
    if wanted == []:
        raise UsageError("no tier is given, so nothing could be found", hint="Leave tiers out to search in all.")
    return Asked(
        user_id=values.user_id(user_id, users),
        text=None if text is None else values.text(text, "text", blank=True)[:_LONGEST_TEXT],
        tiers=wanted,
        metadata=values.filtered(metadata or {}, where),
        max_distance=max_distance,
        k=k,
        collection=None if collection is None else values.identifier(collection),
    )


def _is_within(value: Any, kind: type[Any], least: int, most: int) -> bool:
    return isinstance(value, kind) and least <= value <= most  # not None, for one, which could not be compared


def statement(name: str, block: str, known: Surroundings, table: Sequence[str], sent: Sequence[str]) -> LiteralString:
    """A block of sql/queries with all names filled in; `sent` is the type that an embedding is sent as."""
    return _filled_in(shipped.queries(name)[block], known, table, sent)


def _filled_in(text: str, known: Surroundings, table: Sequence[str], sent: Sequence[str]) -> LiteralString:
    blocks = shipped.queries("retrieval")
    expired = "expired" if EXPIRED in known.functions else "nothing_expires"
    memory = "of_shards" if known.is_distributed else "of_one_table"
    return filled_in(
        text.replace("{expired}", blocks[expired]).replace("{memory}", blocks[memory]),
        **{function: (*table[:-1], function) for function in (*CALLED, VERSIONS, ARCHIVED, MEMBERS, KEPT)},
        table=table,
        memories_in_collection=(*table[:-1], "memories_in_collection"),
        extension=(known.extension,),
        embedding=(known.extension, known.embedding),
        tier=(known.tier,) if known.tier_schema is None else (known.tier_schema, known.tier),
        sent=sent,
    )


@functools.lru_cache(maxsize=256)
def _put_together(known: Surroundings, table: tuple[str, ...], sent: tuple[str, ...], *, of: str = "of_user") -> str:
    """A list that no function gives is read from all memories of the user, or in the collection.

    Names come last: they may look alike.
    """
    blocks = shipped.queries("retrieval")
    text = blocks["found"]
    for name, block in {
        "ranked": "ranked_by_function" if BY_BOTH in known.functions else "ranked",
        "near": _near(known.functions),
        "worded": "worded_by_function" if BY_WORDS in known.functions else "worded",
        "of_user": of,
    }.items():
        text = text.replace(f"{{{name}}}", blocks[block])
    return f"{_filled_in(text, known, table, sent)} -- {known.vector}"  # drivers prepare a text once, for that type


@functools.lru_cache(maxsize=256)
def _weighed(known: Surroundings, table: tuple[str, ...], sent: tuple[str, ...]) -> str:
    return f"{statement('retrieval', 'weighed', known, table, sent)} -- {known.vector}"


def _near(functions: frozenset[str]) -> str:
    if IN_COLLECTION in functions:
        return "near_in_collection"
    if BY_MEANING in functions:
        return "near_by_function"
    return "near_by_condition" if BY_CONDITION in functions else "near"


def _reads_all(functions: frozenset[str]) -> bool:
    return BY_BOTH not in functions and not {BY_MEANING, BY_WORDS} <= functions
