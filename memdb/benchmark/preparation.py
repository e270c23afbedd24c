"""What every benchmark begins with: one snapshot, the questions, and their true answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from memdb import __version__, target, trust, users
from memdb.benchmark import sampling, truth
from memdb.benchmark.sampling import Population, Query
from memdb.benchmark.searching import Answer
from memdb.database import Connection, query
from memdb.errors import DataError, UsageError
from memdb.shape import UserKey
from memdb.target import Target

SETTINGS = (
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "random_page_cost",
    "max_parallel_workers_per_gather",
    "jit",
    "plan_cache_mode",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which searches to make: how many, for whom, and from where the questions come.

    `queries_from` is a file of embeddings; `truth_directory` keeps true neighbours for the next run.
    """

    k: int = 5
    queries: int = 200
    user: UserKey | None = None
    random_seed: int = 1
    workload: str = sampling.SKEWED
    queries_from: Path | None = None
    truth_directory: Path | None = None

    def __post_init__(self) -> None:
        for name, number, least, most in (("k", self.k, 1, 1000), ("queries", self.queries, 1, 10_000)):
            if not least <= number <= most:
                raise UsageError(f"{name} is {number}", hint=f"Give {least} to {most:,}.")
        if self.workload not in sampling.WORKLOADS:
            raise UsageError(f"there is no workload {self.workload!r}", hint=f"Give {', '.join(sampling.WORKLOADS)}.")


@dataclass(frozen=True, slots=True)
class Sample:
    """Which searches were made. `users` and the memories they hold are those of the users sampled."""

    queries: int
    users: int
    smallest_user_memories: int
    largest_user_memories: int
    random_seed: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Questions, each with its true answer, and what to say about how they were chosen."""

    questions: list[Query]
    truth: list[Answer]
    population: Population
    target: Target
    versions: dict[str, str]
    notes: tuple[str, ...]


def prepare(
    connection: Connection,
    wanted: Wanted,
    on_phase: Callable[[str], None],
    *,
    writing: bool = False,
) -> Prepared:
    """Turns the transaction that has just begun into one that only reads a single snapshot, and asks the questions.

    Raises DataError where nothing can be searched, DatabaseError where the tables are not there, or using them could
    run what a role with fewer rights has made; `writing` says that memories will be added, too.
    """
    where, population = population_of(connection, wanted, writing=writing)
    drawn, dropped = questions_for(connection, where, wanted, population)
    on_phase(f"Finding the true neighbours for {len(drawn):,} searches …")
    found = truth.find(connection, where, drawn, wanted.k, wanted.truth_directory)
    asked, answers = _answerable(drawn, found.answers)
    notes = (
        *_notes(wanted, population, len(drawn), len(asked)),
        *dropped,
        *_note_on_truth(found.reused),
        *_note_on_place(where),
    )
    return Prepared(asked, answers, population, where, _versions(connection, where), notes)


def begin(connection: Connection) -> None:
    """Reads only, and one snapshot, until the transaction ends."""
    connection.execute("set transaction isolation level repeatable read, read only")


def begin_writing(connection: Connection) -> Target:
    """Finds memories for a transaction that has just begun, in which, or while it lasts, some are added.

    Raises DatabaseError.
    """
    connection.execute("set transaction isolation level read committed")  # or an earlier moment's triggers were seen
    return enter(connection, writing=True)


def enter(connection: Connection, *, writing: bool = False) -> Target:
    """Finds memories for a transaction in which using them calls nothing that a role with fewer rights has made.

    Their embeddings are those of the model that answers. Raises DatabaseError.
    """
    found = target.answering(connection, target.enter(connection))
    tables = list(dict.fromkeys([found.memories, found.embeddings]))
    trust.require_owners(connection, tables, writing=writing)
    if writing:
        names = dict.fromkeys(["memories", found.beside or "memories"])
        trust.keep_triggers_away(connection, *((found.schema, name) for name in names))
        trust.require_own_triggers(connection, tables)
    return found


def population_of(connection: Connection, wanted: Wanted, *, writing: bool = False) -> tuple[Target, Population]:
    """Who could be searched for, and where. Raises like prepare."""
    begin(connection)
    where = enter(connection, writing=writing)
    user = _only_user(where, wanted)
    population = sampling.population(connection, where, user)
    sampling.require(connection, where, population, k=wanted.k, user=user)
    return where, population


def _only_user(where: Target, wanted: Wanted) -> UserKey | None:
    return None if wanted.user is None else users.asking(wanted.user, where.shape.users)


def questions_for(
    connection: Connection, where: Target, wanted: Wanted, population: Population
) -> tuple[list[Query], tuple[str, ...]]:
    """The questions, and what to say of those that could not be used."""
    user = _only_user(where, wanted)
    if wanted.workload == sampling.SINGLE and user is None:
        user = sampling.largest_user(connection, where)
        population = sampling.population(connection, where, user)
    drawn = sampling.sample(
        connection,
        where,
        population,
        queries=wanted.queries,
        random_seed=wanted.random_seed,
        user=user,
        equally=wanted.workload == sampling.EQUAL,
    )
    if wanted.queries_from is None:
        return drawn, ()
    from memdb.benchmark import questions  # it needs numpy

    return questions.read(connection, where, wanted.queries_from, drawn, limit=wanted.queries, only=user)


def sample_of(questions: Sequence[Query], random_seed: int) -> Sample:
    """The questions in figures."""
    held = {question.user_id: question.user_memories for question in questions}
    return Sample(len(questions), len(held), min(held.values()), max(held.values()), random_seed)


def settings_of(connection: Connection) -> dict[str, str | None]:
    """Settings that decide over plans and times. Those of pgvector exist once a search has loaded its library."""
    return dict(connection.execute(query("benchmark", "settings"), [list(SETTINGS)]).fetchall())


def _versions(connection: Connection, where: Target) -> dict[str, str]:
    server = str(connection.value("select current_setting('server_version')"))
    return {"postgresql": server, "pgvector": where.pgvector, "memdb": __version__, "psycopg": psycopg.__version__}


def _answerable(questions: Sequence[Query], truth: Sequence[Answer]) -> tuple[list[Query], list[Answer]]:
    """Without the questions that have no answer, since the embeddings have no direction: all zeros."""
    kept = [(question, true) for question, true in zip(questions, truth, strict=True) if true.distances]
    if not kept:
        raise DataError(
            "no memory has a neighbour: the embeddings are all zeros", hint="Compute them again, or try: memdb seed"
        )
    return [question for question, _ in kept], [true for _, true in kept]


def _notes(wanted: Wanted, population: Population, drawn: int, asked: int) -> Iterator[str]:
    if population.lone_users and wanted.queries_from is None:
        yield f"Left out, as there is nothing else to find: users with a single memory ({population.lone_users:,})."
    if drawn < wanted.queries:
        things = "questions in the file" if wanted.queries_from else "memories to start a search from"
        yield f"There are only {drawn:,} {things}, so no more searches were made."
    if asked < drawn:
        yield f"Left out, as nothing is near them: memories whose embedding is all zeros ({drawn - asked:,})."


def _note_on_truth(reused: bool) -> Iterator[str]:
    if reused:
        yield "The true neighbours are those of an earlier run: no memory of these users has changed since."


def _note_on_place(where: Target) -> Iterator[str]:
    if where.beside is not None:
        yield f"Embeddings are those of the model that answers: sizes and indexes are those of {where.beside}."
