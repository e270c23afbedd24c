"""Realistic memories of made-up users: whose, which tier, what text, what metadata, how old."""

from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from itertools import count
from operator import itemgetter
from string import Formatter
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from memdb.reading import keys
from memdb.seeding import draws, embeddings, phrases
from memdb.seeding.rows import Batch
from memdb.shape import DEFAULT, Shape, Users
from memdb.values import UserKey, Vectors

_BATCH = 500
_LOOKED_AT = 100  # rows by which a load is known, as the first of them may have been pruned since
_SIZE_DECAY = 1.1  # the k-th largest user has memories as k to the minus this

# What fills the sentences and the metadata of a row.
Words = namedtuple(
    "Words",
    "subject subject_number category stressor goal facet owner milestone percentage emotion moment person coping soon "
    "exchange_type tone choice intensity conversation source access_count",
)


@dataclass(frozen=True)
class Synthetic:
    """`memories` synthetic memories of `users` users; `tiers` weighs personal, project and task ones."""

    users: int
    memories: int
    random_seed: int
    tiers: tuple[float, float, float] = draws.WEIGHTS

    name = "synthetic"

    @property
    def total(self) -> int:
        return self.memories

    def batches(self, now: datetime, shape: Shape = DEFAULT) -> Iterator[Batch]:
        """All rows in order. Ages are counted back from `now`; nothing else depends on it."""
        vectors, user_ids = embeddings.Synthetic(self.random_seed, shape.dimensions), self._user_ids(shape.users)
        for start in range(0, self.memories, _BATCH):
            end = min(start + _BATCH, self.memories)
            users = [user_ids[owner] for owner in self._owners[start:end]]
            yield self._batch(start, users, vectors.batch(start, end - start), now)

    def rows_of(self, id: UUID) -> list[int]:
        """None: an id that is made up stands for one row."""
        return []

    def _batch(
        self, start: int, users: list[UserKey], embedded: tuple[Vectors, embeddings.Indices], now: datetime
    ) -> Batch:
        vectors, topics = embedded
        drawn = draws.draw(self.random_seed, start, len(users))
        tiers = draws.tiers(drawn, self.tiers)
        words = _words(drawn, tiers, users, topics)
        created_at, accessed_at = draws.times(drawn, tiers, now)
        return Batch(
            ids=draws.ids(drawn),
            users=users,
            tiers=tiers,
            contents=[_filled(_template(tier, row), row) for tier, row in zip(tiers, words, strict=True)],
            metadata=[_filled(phrases.METADATA[tier], row) for tier, row in zip(tiers, words, strict=True)],
            created_at=created_at,
            accessed_at=accessed_at,
            embeddings=vectors,
        )

    def _user_ids(self, users: Users) -> list[UserKey]:
        """As many as there are users: of integers, two might be made alike."""
        made = dict[UserKey, None]()
        for n in count():
            made[keys.made_from(users, f"synthetic user {n} of random seed {self.random_seed}".encode())] = None
            if len(made) == self.users:
                break
        return list(made)

    @cached_property
    def _owners(self) -> NDArray[np.int32]:
        """Which user each row belongs to, (memories,): users' rows lie mixed, as they come in over time."""
        owners = np.repeat(np.arange(self.users, dtype=np.int32), sizes(self.users, self.memories))
        return np.random.Generator(np.random.SFC64([self.random_seed, 2])).permutation(owners)


@dataclass(frozen=True)
class Further:
    """Synthetic memories that are not there yet: those of the first random seed, from 1, that nobody has loaded."""

    users: int
    memories: int
    tiers: tuple[float, float, float] = draws.WEIGHTS

    @property
    def total(self) -> int:
        return self.memories

    def settled(self, is_there: Callable[[NDArray[np.void]], bool]) -> Synthetic:
        """With the random seed, where `is_there` says whether any of some ids are."""
        unused = (n for n in count(1) if not is_there(draws.ids(draws.draw(n, 0, _LOOKED_AT))))
        return Synthetic(self.users, self.memories, next(unused), self.tiers)


def sizes(users: int, memories: int) -> NDArray[np.int64]:
    """How many memories each user has, largest first: few have many, most have few, each has at least one."""
    weights = np.arange(1, users + 1) ** -_SIZE_DECAY
    shares: NDArray[np.int64] = (weights / weights.sum() * (memories - users)).astype(np.int64)
    shares[: memories - users - int(shares.sum())] += 1
    return shares + 1


def _words(drawn: draws.Draws, tiers: list[str], users: list[UserKey], topics: embeddings.Indices) -> list[Words]:
    numbers, facets = (topics // embeddings.FACETS).tolist(), (topics % embeddings.FACETS).tolist()
    subjects = [phrases.SUBJECTS[number] for number in numbers]
    short = {user: user.hex[:8] if isinstance(user, UUID) else str(user)[-8:] for user in set(users)}
    steps = draws.below(len(phrases.MILESTONES), drawn[:, 6])
    columns = Words(
        subject=[subject.name for subject in subjects],
        subject_number=numbers,
        category=[subject.category for subject in subjects],
        stressor=[subject.stressor for subject in subjects],
        goal=[subject.goal for subject in subjects],
        facet=[phrases.FACETS[facet] for facet in facets],
        owner=[short[user] for user in users],
        milestone=[phrases.MILESTONES[step] for step in steps],
        percentage=[
            (100 * step + part) // len(phrases.MILESTONES)
            for step, part in zip(steps, draws.below(100, drawn[:, 7]), strict=True)
        ],
        emotion=draws.pick(phrases.EMOTIONS, drawn[:, 8]),
        moment=draws.pick(phrases.MOMENTS, drawn[:, 9]),
        person=draws.pick(phrases.PEOPLE, drawn[:, 10]),
        coping=draws.pick(phrases.COPING, drawn[:, 11]),
        soon=draws.pick(phrases.SOON, drawn[:, 12]),
        exchange_type=draws.pick(tuple(phrases.ASKED), drawn[:, 13]),
        tone=draws.pick(tuple(phrases.REPLIED), drawn[:, 14]),
        choice=draws.below(2**16, drawn[:, 15]),
        intensity=[1 + number for number in draws.below(10, drawn[:, 7])],
        conversation=draws.below(1000, drawn[:, 6]),
        source=[
            phrases.SOURCES[tier][n]
            for tier, n in zip(tiers, draws.below(4, drawn[:, 12] >> np.uint64(32)), strict=True)
        ],
        access_count=draws.access_counts(drawn).tolist(),
    )
    return [Words._make(row) for row in zip(*columns, strict=True)]


def _template(tier: str, words: Words) -> str:
    if tier == "task":
        return phrases.TASK[words.exchange_type, words.tone]
    templates = phrases.PERSONAL if tier == "personal" else phrases.PROJECT
    return templates[words.choice % len(templates)]


def _filled(template: str, words: Words) -> str:
    """What `format_map` gives, in half the time: it would look for each word by its name."""
    form, wanted = _form(template)
    return form % wanted(words)


@cache
def _form(template: str) -> tuple[str, Callable[[Words], tuple[object, ...]]]:
    """The template as `%` takes it, and what picks its words."""
    parts = list(Formatter().parse(template))
    fields = (f"%{spec}{'d' if spec else 's'}" if name else "" for _, name, spec, _ in parts)
    form = "".join(text.replace("%", "%%") + field for (text, *_), field in zip(parts, fields, strict=True))
    return form, itemgetter(*(Words._fields.index(name) for _, name, _, _ in parts if name))
