"""Why one memory is, or is not, among the answers to a question."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from memdb import retrieval
from memdb.database import Connection
from memdb.search.question import Question
from memdb.search.searching import Match, Search, asking
from memdb.shape import UserKey
from memdb.values import Filter
from memdb.words import listed

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Explanation:
    """`place` is that among so many `answers`, from 1, or None. `match` is the memory; None where it is not the user's.

    Its ranks are those among all memories that pass the filters, of which the best `counted` by meaning and by words
    are merged. `least_score` is that of the last answer. `reasons` say why it is not found, or not by both.
    """

    id: UUID
    user: UserKey
    answers: int
    place: int | None
    counted: int
    match: Match | None
    least_score: float | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def explain(connection: Connection, question: Question, memory: UUID) -> Explanation:
    """Why a memory is found, or is not. Raises as search does."""
    with asking(connection, question) as search:
        facts, answers = search.memory(memory), search.matches()
        place = next((place for place, match in enumerate(answers, 1) if match.id == memory), None)
        is_theirs = facts is not None and facts["is_theirs"]
        match = _seen(search, facts, answers[place - 1] if place else None) if facts and is_theirs else None
        least = answers[-1].score if answers else None
        return Explanation(
            id=memory,
            user=search.asked.user_id,
            answers=len(answers),
            place=place,
            counted=_counted(search),
            match=match,
            least_score=least,
            reasons=tuple(_Reasons(search, facts, match, place, least)),
            notes=search.notes(),
        )


def _counted(search: Search) -> int:
    return retrieval.LISTED * (search.asked.k + (search.question.like is not None))


def _seen(search: Search, facts: dict[str, Any], answer: Match | None) -> Match:
    """The memory with its places among all that pass the filters, and its distance and words in any case."""
    everything = replace(search.asked, k=_ALL, only=facts["id"])
    bare = replace(everything, tiers=None, metadata=Filter(None, None), max_distance=None)
    nothing = Match(**{name: facts[name] for name in Match.__dataclass_fields__ if name in facts})
    unfiltered = next(iter(search.ask(bare)), nothing)
    match = answer or next(iter(search.ask(everything)), nothing)
    score = match.score if answer else _score(match, _counted(search))
    return replace(match, distance=unfiltered.distance, words=unfiltered.words, score=score)


def _score(match: Match, counted: int) -> float:
    """Of the places, those count that are within the lists."""
    places = (place for place in (match.vector_rank, match.word_rank) if place is not None and place <= counted)
    return sum(1 / (retrieval.FUSED + place) for place in places)


class _Reasons:
    """In the order in which a search drops memories."""

    def __init__(
        self, search: Search, facts: dict[str, Any] | None, match: Match | None, place: int | None, least: float | None
    ) -> None:
        self._search, self._facts, self._match = search, facts, match
        self._place, self._least, self._counted = place, least, _counted(search)

    def __iter__(self) -> Iterator[str]:
        if self._facts is None:
            yield "There is no such memory, or this role may not see it."
        elif self._match is None:
            yield "It is a memory of another user."
        elif self._facts["id"] == self._search.question.like:
            yield "It is the memory that the others are to be like."
        elif self._search.has_expired(self._facts["id"]):
            yield "It has expired, so no search finds it; memdb prune deletes it."
        else:
            yield from self._filters(self._facts)
            yield from self._meaning(self._facts, self._match)
            yield from self._words(self._match)
            yield from self._scores(self._match)

    def _filters(self, facts: dict[str, Any]) -> Iterator[str]:
        tiers = self._search.asked.tiers
        if tiers is not None and facts["memory_type"] not in tiers:
            yield f"Its tier is {facts['memory_type']}, and the search is for {listed(tiers)}."
        if not facts["has_metadata"]:
            yield "Its metadata are not as the search asks for."

    def _meaning(self, facts: dict[str, Any], match: Match) -> Iterator[str]:
        if self._search.embedding is None:
            return
        most = self._search.asked.max_distance
        if not facts["has_embedding"]:
            yield "It has no embedding, so it is not found by meaning."
        elif match.distance is None:
            yield "Its embedding has no direction that could be compared, as one of zeros."
        elif most is not None and match.distance > most:
            yield f"Its distance, {match.distance:.3f}, is beyond the maximum of {most:g}."
        elif match.vector_rank is not None and match.vector_rank > self._counted:
            yield f"By meaning it is number {match.vector_rank:,}, and only the first {self._counted:,} count."

    def _words(self, match: Match) -> Iterator[str]:
        if not self._search.asked.text:
            return
        if not match.words:
            yield "It has no word of the text, or only some that many memories have."
        elif match.word_rank is not None and match.word_rank > self._counted:
            yield f"By words it is number {match.word_rank:,}, and only the first {self._counted:,} count."

    def _scores(self, match: Match) -> Iterator[str]:
        if self._place is not None or not match.score or self._least is None:
            return
        if match.score <= self._least:
            yield f"Its score, {match.score:.5f}, is not above that of the last answer, {self._least:.5f}."
        else:
            yield "search_memories compares signatures first, and has passed it over; an exact search finds it."
