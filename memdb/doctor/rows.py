"""Checks of memories themselves, from a sample of a thousand."""

from collections.abc import Iterator
from dataclasses import replace

from memdb.doctor.checks import Check, about
from memdb.doctor.facts import Sample, Stale
from memdb.doctor.findings import Finding
from memdb.doctor.patient import SAMPLE, TASK_DAYS, CannotLook, Patient
from memdb.words import argument, count

_MIXED = 0.01
_DAYS = 7
_ENOUGH = 100
_NEEDS = " It needs the set embeddings, and to be told the model."


def _without(patient: Patient) -> Iterator[Finding]:
    sample = _sample(patient)
    if sample.without:
        yield Finding(
            "warning",
            f"{_how_many(patient, sample, sample.without)} without an embedding{_by(patient)}",
            patient.memories.name,
            "No search by meaning finds them.",
            f"Make those that are missing: {_embed(patient)}",
        )


def _by(patient: Patient) -> str:
    return "" if patient.serving is None else f" by {patient.serving.model}"


def _embed(patient: Patient, more: str = "") -> str:
    """What embeds by the model that answers."""
    if patient.serving is None:
        return f"memdb embed{more}.{_NEEDS}"
    return f"memdb embed --model {argument(patient.serving.model)}{more}"


def _zero(patient: Patient) -> Iterator[Finding]:
    sample = _sample(patient)
    if sample.zero:
        yield Finding(
            "warning",
            f"{_how_many(patient, sample, sample.zero)} with an embedding of zeros",
            patient.memories.name,
            "It has no direction, so it is in no index, and no search by cosine distance ranks it.",
            "Something stored zeros in place of an answer of the model. Make these embeddings again: "
            f"{_embed(patient, ' --also zero')}",
        )


def _stale(patient: Patient) -> Iterator[Finding]:
    found: Stale = patient.know("stale")
    if found.stale:
        sample = replace(_sample(patient), rows=found.rows)
        yield Finding(
            "warning",
            f"{_how_many(patient, sample, found.stale)} whose text has changed since it was embedded",
            patient.memories.name,
            "Searches by meaning find it by what it said before.",
            f"Embed it again, with what is missing: {_embed(patient)}",
        )


def _lengths(patient: Patient) -> Iterator[Finding]:
    sample = _sample(patient)
    measured = sample.unit + sample.other
    if not sample.other:
        return
    if _MIXED * measured < sample.unit and _MIXED * measured < sample.other:
        yield Finding(
            "warning",
            f"{_how_many(patient, sample, sample.other)} with an embedding that is not of length 1, beside others",
            patient.memories.name,
            "One model gives one or the other. Embeddings of different models cannot be compared: their distances mean "
            "nothing.",
            "Find out which model made which (metadata, created_at), and embed again what another one made: "
            f"memdb embed --check says how many there are, and which command mends that.{_NEEDS}",
        )
    else:
        yield Finding(
            "info",
            f"{_how_many(patient, sample, sample.other)} with an embedding whose length is not 1",
            patient.memories.name,
            "Cosine distance does not mind; inner product, and thresholds of other libraries, do.",
            "If you use those, bring embeddings to length 1 before they are stored (l2_normalize).",
        )


def _expired(patient: Patient) -> Iterator[Finding]:
    sample = _sample(patient)
    found: int = 0 if sample.expired else patient.know("oldest_tasks")
    if sample.expired or found:
        shown = _how_many(patient, sample, sample.expired, "task memory") if sample.expired else f"{_at_least(found)}"
        yield Finding(
            "warning",
            f"{shown} not recalled for {TASK_DAYS} days",
            patient.memories.name,
            f"Task memories are meant to go after {TASK_DAYS} days. They cost room, and are found among those that "
            "still matter.",
            "Prune them regularly, in small batches, by accessed_at. Look at some first: it cannot be undone.",
        )


def _recall(patient: Patient) -> Iterator[Finding]:
    sample = _sample(patient)
    if sample.rows < _ENOUGH or sample.days < _DAYS:
        return
    if not sample.recalled:
        yield Finding(
            "warning",
            "accessed_at never moves",
            patient.memories.name,
            f"No memory of {count(sample.rows, 'memory')} looked at has one later than created_at. What prunes or "
            "ranks by it takes memories in daily use for forgotten ones.",
            "Have the application touch what it recalls (touch of memdb.store), or prune by created_at.",
        )


def _sample(patient: Patient) -> Sample:
    found: Sample = patient.know("sample")
    if not found.rows and patient.memories.rows > 0:
        raise CannotLook("the sample came out empty")
    return found


def _how_many(patient: Patient, sample: Sample, part: int, noun: str = "memory") -> str:
    if sample.whole:
        return count(part, noun)
    share, memories = part / sample.rows, noun.replace("memory", "memories")
    return f"{about(share * patient.memories.rows)} {memories} ({share:.1%} of {sample.rows:,} looked at)"


def _at_least(found: int) -> str:
    return f"{count(found, 'task memory')}{' or more' if found == SAMPLE else ''}"


CHECKS = (
    Check("missing-embeddings", "memories have no embedding (sampled)", _without),
    Check("stale-embeddings", "texts have changed since they were embedded (sampled)", _stale),
    Check("zero-embeddings", "memories have an embedding of zeros (sampled)", _zero),
    Check("mixed-embeddings", "embeddings are not of length 1, or some are and some are not (sampled)", _lengths),
    Check("expired-tasks", f"task memories were not recalled for {TASK_DAYS} days (sampled, and the oldest)", _expired),
    Check("recall-times", "accessed_at is never later than created_at (sampled)", _recall),
)
