"""Text for what is to be embedded, and for what was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from memdb.embedding.comparing import Comparison, Side
from memdb.embedding.faults import Fault, Faults
from memdb.embedding.filling import Estimate, Filling
from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.words import argument, count

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to do, what it costs at a price for a million tokens, and to whom texts would be sent."""

    model: str
    memories: dict[str, int]
    total: int
    tokens: int
    cost: float | None
    sent_to: str

    @classmethod
    def of(cls, found: Estimate, price: float | None, sent_to: str) -> "Offer":
        cost = None if price is None else found.tokens * price / 1_000_000
        return cls(found.model, found.memories, found.total, found.tokens, cost, sent_to)


@render.register
def _(offer: Offer) -> Iterator[Any]:
    if not offer.total:
        yield "No embedding is missing or stale."
        return
    cost = "" if offer.cost is None else f", which cost about {offer.cost:,.2f}"
    yield (
        f"{count(offer.total, 'memory')} to be embedded by {offer.model}: {_parts(offer.memories)}. "
        f"About {count(offer.tokens, 'token')}{cost}."
    )


@render.register
def _(filling: Filling) -> Iterator[Any]:
    rate = f", {filling.stored / filling.seconds:,.0f} a second" if filling.stored and filling.seconds else ""
    if filling.is_dry_run:
        yield f"Would store {count(filling.stored, 'embedding')} of {filling.model}."
    else:
        requests = f" in {filling.seconds:.1f} s{rate}" if filling.requests else ""
        yield f"Stored {count(filling.stored, 'embedding')} of {filling.model}{requests}."
    if filling.left:
        yield f"{count(filling.left, 'memory')} left: others are changing or embedding them, or have meanwhile."
    if filling.other_text:
        yield f"{count(filling.other_text, 'memory')} left: the text is another than the file says."
    if filling.absent:
        yield f"{count(filling.absent, 'id')} of the file belong{'s' * (filling.absent == 1)} to no memory."
    if filling.doubled:
        yield f"{count(filling.doubled, 'row')} of the file left: an earlier one has the id of the same memory."
    if filling.refused_in_all:
        yield f"{count(filling.refused_in_all, 'memory')} got none:"
        for refusal in filling.refused[:_SHOWN]:
            yield f"  {refusal.memory_id}: {refusal.reason}"


@dataclass(frozen=True, slots=True)
class Checked(Faults):
    """The same with the options of a command that embeds by the model, and whether they say where it is."""

    options: tuple[str, ...] = ()
    is_placed: bool = False

    @classmethod
    def of(cls, faults: Faults, options: Sequence[str], *, is_placed: bool) -> "Checked":
        return cls(faults.model, faults.memories, faults.found, (*options,), is_placed)


@render.register
def _(faults: Checked) -> Iterator[Any]:
    if not faults.found:
        yield f"Nothing is wrong with the embeddings of {count(faults.memories, 'memory')}."
        return
    yield f"Of {count(faults.memories, 'memory')}:"
    for fault in faults.found:
        yield f"{fault.memories:,} {_MEANS[fault.kind]}: {_parts(fault.tiers)}; {_of_users(fault)}."
        also = () if fault.kind in ("missing", "stale") else ("--also", fault.kind)
        yield Code(" ".join(("memdb embed", *map(argument, (*faults.options, *also)))))
    if not faults.is_placed:
        yield "Add --base-url URL, or --local FOLDER in place of --model, where the model is not one of OpenAI's."


def _of_users(fault: Fault) -> str:
    """`of 12 users, most of them 8f0c… (400)`"""
    most, number = next(iter(fault.most.items()))
    return f"of user {most}" if fault.users == 1 else f"of {fault.users:,} users, most of {most} ({number:,})"


_MEANS = {
    "missing": "without an embedding",
    "stale": "whose text has changed since it was embedded",
    "other-model": "with an embedding of another model",
    "unknown": "with an embedding of which nobody has said what made it",
    "zero": "with an embedding of zeros",
    "not-unit": "with an embedding that is not of length 1, as most are",
    "duplicate": "with the same embedding as another text",
    "outlier": "with an embedding of a length unlike the others'",
}


def _parts(memories: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {why}" for why, number in memories.items())


@render.register
def _(found: Comparison) -> Iterator[Any]:
    yield f"{count(found.questions, 'question')}, {found.k} memories each, of {count(found.memories, 'memory')}:"
    lines = [("", "former", "new"), *_compared(found.former, found.new)]
    yield from (f"  {name:<12}{former:>12}{new:>12}" for name, former, new in lines)
    yield f"{found.coverage:.1%} of what has a former embedding has a current one by {found.model}."
    yield f"Stale embeddings by it: {found.stale:,}."
    if found.agreement is not None and found.same_first is not None:
        yield f"{found.agreement:.1%} of the answers agree, and {found.same_first:.1%} of the first ones."
    if found.ok and found.has_taken_over:
        yield "It has taken over. When nobody asks the former model any more, end its service:"
        yield Code(f"memdb new --retire-model-before {argument(found.model)}")
    elif found.ok:
        yield "It may take over. Write the migrations for that:"
        yield Code(f"memdb new --switch-model {argument(found.model)}")
    for reason in found.failed:
        yield f"{'It has taken over, but' if found.has_taken_over else 'Not yet:'} {reason}."


def _compared(former: Side, new: Side) -> Iterator[tuple[str, str, str]]:
    yield "dimensions", f"{former.dimensions:,}", f"{new.dimensions:,}"
    yield "embeddings", f"{former.embedded:,}", f"{new.embedded:,}"
    yield "MB", f"{former.bytes / 1e6:,.1f}", f"{new.bytes / 1e6:,.1f}"
    for name, one, other, digits in (
        ("recall", former.recall, new.recall, 3),
        ("p50 ms", former.p50_ms, new.p50_ms, 2),
        ("p95 ms", former.p95_ms, new.p95_ms, 2),
    ):
        if one is not None and other is not None:
            yield name, f"{one:.{digits}f}", f"{other:.{digits}f}"
