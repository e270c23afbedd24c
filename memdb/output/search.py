"""Text for what a search found, and for why it found a memory, or did not."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from memdb.output.rendering import render
from memdb.output.rows import Rows
from memdb.output.streams import styled
from memdb.search.explaining import Explanation
from memdb.search.searching import Answer, Match
from memdb.words import count

if TYPE_CHECKING:
    import rich.text

_AGES = ((365.25, "y"), (30.44, "mo"), (1, "d"), (1 / 24, "h"), (1 / 1440, "min"))


@render.register
def _(answer: Answer) -> Iterator[Any]:
    """Two lines for each memory: what there is to say of it, with its id, and its text below."""
    now = datetime.now(UTC)
    if answer.matches:
        yield Rows([styled((_facts("distance", "tier", "age", "id", "words"), "bold")), *_body(answer.matches, now)])
        yield ""
    yield f"{count(len(answer.matches), 'memory')} found for user {answer.user}."
    yield from (f"Note: {note}" for note in answer.notes)


def _body(matches: Sequence[Match], now: datetime) -> "Iterator[rich.text.Text]":
    for match in matches:
        distance = "" if match.distance is None else f"{match.distance:.3f}"
        words = ", ".join(match.words)
        yield styled((_facts(distance, match.memory_type, _age(now, match.created_at), str(match.id), words), "cyan"))
        yield _content(match)


def _facts(distance: str, tier: str, age: str, id: str, words: str) -> str:
    return f"{distance:<8}  {tier:<8}  {age:<6}  {id:<36}  {words}".rstrip()


def _content(match: Match) -> "rich.text.Text":
    """On one line; a tab would make it longer than it says it is."""
    line = styled(f"  {match.content}".replace("\t", " "))
    line.highlight_words(match.words, "bold", case_sensitive=False)
    return line


def _age(now: datetime, made: datetime) -> str:
    days = max((now - made).total_seconds() / 86400, 0)
    return next((f"{int(days / length)} {unit}" for length, unit in _AGES if days >= length), "now")


@render.register
def _(explanation: Explanation) -> Iterator[Any]:
    """Where the memory stands, and why."""
    match, place = explanation.match, explanation.place
    standing = f"number {place} of" if place else "not among the"
    yield f"{explanation.id} is {standing} {count(explanation.answers, 'answer')} for user {explanation.user}."
    if match is not None:
        yield ""
        yield Rows(list(_standing(explanation, match)))
    if explanation.reasons:
        yield ""
        yield from explanation.reasons
    yield from (f"Note: {note}" for note in explanation.notes)


def _standing(explanation: Explanation, match: Match) -> "Iterator[rich.text.Text]":
    yield styled(("memory   ", "bold"), f"{match.memory_type}, {_age(datetime.now(UTC), match.created_at)}")
    yield styled("       ").append_text(_content(match))
    if match.distance is not None:
        yield styled(("meaning  ", "bold"), f"distance {match.distance:.3f}{_rank(match.vector_rank)}")
    if match.words:
        yield styled(("words    ", "bold"), f"{', '.join(match.words)}{_rank(match.word_rank)}")
    if match.score:
        last = "" if explanation.least_score is None else f"; the last answer has {explanation.least_score:.5f}"
        yield styled(("score    ", "bold"), f"{match.score:.5f}{last}")


def _rank(rank: int | None) -> str:
    return "" if rank is None else f", number {rank:,}"
