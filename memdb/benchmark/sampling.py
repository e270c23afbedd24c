"""Which searches a benchmark makes: memories that stand for questions, from users of every size.

A query is the embedding of a stored memory, searched for among the other memories of its user. Users are classed
by the order of magnitude of what they hold (2–9 memories, 10–99, …). The queries are shared out among the classes
by the memories they hold, since who has stored more also asks more, but a class gets at least 5 %, so that users of
every size are in. Within a class each memory is equally likely. That is the workload "skewed", as users are; with
"equal" each user asks as often as any other, and with "single" all questions are of the one who holds most.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from memdb.database import Connection
from memdb.errors import DataError
from memdb.shape import UserKey
from memdb.target import Target

SKEWED, EQUAL, SINGLE = WORKLOADS = ("skewed", "equal", "single")

_SMALLEST_SHARE = 20  # a twentieth of all queries


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Users who hold 10**magnitude or more memories with an embedding, but not ten times that."""

    magnitude: int
    users: int
    lone_users: int
    memories: int
    largest: int


@dataclass(frozen=True, slots=True)
class Population:
    """Who could be searched for. `lone_users` have a single memory, so that nothing else could be found."""

    classes: tuple[SizeClass, ...]

    @property
    def users(self) -> int:
        return sum(size.users - size.lone_users for size in self.classes)

    @property
    def lone_users(self) -> int:
        return sum(size.lone_users for size in self.classes)

    @property
    def largest(self) -> int:
        """The most memories that one user holds."""
        return max((size.largest for size in self.classes), default=0)

    @property
    def searchable(self) -> dict[int, int]:
        """Memories by magnitude, without those of lone users."""
        counts = {size.magnitude: size.memories - size.lone_users for size in self.classes}
        return {magnitude: memories for magnitude, memories in counts.items() if memories}


@dataclass(frozen=True, slots=True)
class Query:
    """A memory whose neighbours are searched for. `embedding` is in pgvector's binary wire format."""

    user_id: UserKey
    memory_id: UUID
    embedding: bytes
    user_memories: int

    @property
    def embedding_text(self) -> str:
        """The embedding as pgvector writes it: two bytes of dimension, two unused, then big-endian numbers.

        They have four bytes each, or two in a halfvec.
        """
        (dimension,) = struct.unpack_from("!H", self.embedding)
        kind = "e" if len(self.embedding) == 4 + 2 * dimension else "f"
        return f"[{','.join(map(str, struct.unpack_from(f'!{dimension}{kind}', self.embedding, 4)))}]"


def population(connection: Connection, target: Target, user: UserKey | None = None) -> Population:
    """Who holds how many memories with an embedding; one user only, where one is named."""
    return Population(tuple(connection.rows(SizeClass, target.query("benchmark", "sizes"), {"user": user})))


def require(
    connection: Connection, target: Target, population: Population, *, k: int, user: UserKey | None = None
) -> None:
    """Raises DataError unless somebody has k memories beside the one that is searched for."""
    if population.largest > k:
        return
    if population.largest == 0:
        raise _nothing_to_search(connection, target, user)
    who = f"user {user}" if user else "the user who has most"
    if population.largest == 1:
        raise DataError(
            f"{who} has a single memory with an embedding, and a search leaves out the memory it starts from",
            hint="Name a user with more memories with --user." if user else "Load more memories, or try: memdb seed",
        )
    raise DataError(
        f"k = {k} is more than there is to find: {who} has {population.largest:,} memories with an embedding, "
        "one of which is the question",
        hint=f"Use --k {population.largest - 1} or less.",
    )


def _nothing_to_search(connection: Connection, target: Target, user: UserKey | None) -> DataError:
    if connection.value(target.query("benchmark", "hides_rows"), [target.memories]):
        return DataError(
            f"row-level security hides the memories of {f'user {user}' if user else 'all users'} from this role",
            hint="Connect as a role with BYPASSRLS, or as the owner of the table where policies spare it.",
        )
    if user is None:
        return DataError("there are no memories with an embedding", hint="Load some with: memdb seed")
    if connection.value(target.query("benchmark", "count_of_user"), [user]) == 0:
        return DataError(
            f"user {user} has no memories", hint="Check the id, or leave out --user to sample users of every size."
        )
    return DataError(
        f"user {user} has memories, but none with an embedding",
        hint="Compute their embeddings first, or leave out --user to sample users of every size.",
    )


def quotas(searchable: Mapping[int, int], queries: int) -> dict[int, int]:
    """How many queries each class gets: by the memories it holds, but at least a twentieth of them."""
    total = sum(searchable.values())
    queries = min(queries, total)
    least = max(1, queries // _SMALLEST_SHARE)
    shares = {magnitude: min(held, max(least, round(queries * held / total))) for magnitude, held in searchable.items()}
    while (excess := sum(shares.values()) - queries) != 0:
        if excess > 0:
            shares[max(shares, key=lambda magnitude: shares[magnitude])] -= 1
        else:
            shares[max(shares, key=lambda magnitude: searchable[magnitude] - shares[magnitude])] += 1
    return shares


def sample(
    connection: Connection,
    target: Target,
    population: Population,
    *,
    queries: int,
    random_seed: int,
    user: UserKey | None = None,
    equally: bool = False,
) -> list[Query]:
    """The queries, in random order: as many as asked for, or one for each memory where there are fewer.

    The same random seed gives the same queries as long as the ids of the memories stay the same. `equally` means
    that users count alike, not their memories.
    """
    shares = quotas(population.searchable, queries)
    parameters = {
        "user": user,
        "random_seed": random_seed,
        "queries": queries,
        "magnitudes": list(shares),
        "quotas": list(shares.values()),
    }
    block = target.query("benchmark", "sample_equally" if equally else "sample")
    # A binary cursor hands over the embedding as it will be sent back, without a type that must be looked up.
    return connection.cursor(binary=True, row_factory=class_row(Query)).execute(block, parameters).fetchall()


def largest_user(connection: Connection, target: Target) -> UserKey:
    """Who holds most. Raises DataError where nobody holds anything."""
    user: UserKey | None = connection.value(target.query("benchmark", "largest_user"))
    if user is None:
        raise _nothing_to_search(connection, target, None)
    return user
