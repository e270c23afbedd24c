"""What memdb asks of an embedder, and what it believes of its answers."""

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np

from memdb import values
from memdb.errors import EmbedderFailed, InvalidMemory, UsageError
from memdb.shape import Shape
from memdb.values import Vectors


class Embedder(Protocol):
    """Makes embeddings; an object of yours is one if it has these two. It may be called from several threads at once.

    Raises EmbedderFailed where there is no answer, and TextsRefused where these texts have none. One that also has
    `embed_question(text)` is asked by that for the text of a search: some models expect a question to look otherwise.
    """

    @property
    def model(self) -> str:
        """By which name the set embeddings notes whose embeddings these are."""

    def embed(self, texts: Sequence[str]) -> Iterable[Any]:
        """An embedding for each text, in the same order: lists of numbers or arrays, also from a generator."""


class AsyncEmbedder(Protocol):
    """The same for asyncio."""

    @property
    def model(self) -> str: ...
    async def aembed(self, texts: Sequence[str]) -> Iterable[Any]: ...


class TextsRefused(EmbedderFailed):
    """One of the texts is empty, too long, or otherwise nothing that the model takes; others may well be.

    memdb embed then asks for a text of its own, "hello", and if that is answered, for halves of these until it is one.
    """


class WrongAnswer(EmbedderFailed):
    """An answer that cannot be trusted as a whole. It went wrong at the text with this `position`, from 0."""

    position: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The embeddings, one a row, of the texts whose positions are `kept`; why the others have none is in `refused`."""

    vectors: Vectors
    kept: Sequence[int]
    refused: dict[int, str]


def require_embedder(given: Any, *ways: str) -> None:
    """Raises UsageError for what is none: before anybody is asked, as answers may have to be paid for."""
    if not any(callable(getattr(given, way, None)) for way in ways):
        raise UsageError(
            f"{type(given).__name__} is no embedder: it has no {' or '.join(ways)}",
            hint="An embedder has `model` and `embed(texts)`; one for a MemoryStore may have `aembed(texts)` instead.",
        )
    model = getattr(given, "model", None)
    if not isinstance(model, str) or not model.strip() or "\0" in model or not model.isprintable():
        raise UsageError(
            f"the embedder {type(given).__name__} does not say which model it asks",
            hint="Its `model` is a name, such as 'text-embedding-3-small': the set embeddings notes it.",
        )


def listed(given: Any, count: int) -> Sequence[Any]:
    """An answer for `count` texts as a list or an array. Raises WrongAnswer for what has no order.

    A generator is asked for one more at most. It may make its embeddings only now, so a thread of its own calls this
    where nothing else may wait.
    """
    if isinstance(given, Iterator):
        return list(islice(given, count + 1))
    if inspect.iscoroutine(given):
        given.close()
        raise wrong(
            "embed is a coroutine", 0, hint="An embedder for asyncio calls it aembed, and is for a MemoryStore."
        )
    if isinstance(given, Mapping | Set | str | bytes) or not isinstance(given, Sized):
        raise wrong(f"the answer is a {type(given).__name__}, and not a list of embeddings", 0)
    return given  # type: ignore[return-value]  # arrays of any library are no Sequence


def checked(answered: Any, count: int, shape: Shape) -> Answer:
    """The embeddings of `count` texts, as this shape keeps them.

    Raises WrongAnswer where they are not as many, or of another number of dimensions: then none can be trusted. One
    that is zero or not finite is left out alone.
    """
    given = listed(answered, count)
    if len(given) != count:
        raise wrong(f"{count} texts were answered with {len(given)} embeddings", min(len(given), count - 1))
    kept, refused = dict[int, Vectors](), dict[int, str]()
    for position, one in enumerate(given):
        dimensions = _size(one, position)
        if dimensions != shape.dimensions:
            raise wrong(
                f"an embedding has {dimensions} dimensions, and the column is {shape.embedding}",
                position,
                hint="Use the model that this database is for"
                + (f", or write SQL for another: memdb init . --dimensions {dimensions}" if dimensions else ""),
            )
        try:
            kept[position] = values.embedding(one, shape)
        except InvalidMemory as error:
            refused[position] = error.message
    return Answer(np.array([*kept.values()], np.float32).reshape(-1, shape.dimensions), [*kept], refused)


def _size(one: Any, position: int) -> int:
    """Of how many numbers an embedding is. Raises WrongAnswer for what is no list of them."""
    try:
        if shape := np.shape(one):
            return math.prod(shape)
    except ValueError:  # lists of several lengths
        pass
    raise wrong(f"an embedding is a {type(one).__name__} that is no list of numbers", position)


def wrong(
    what: str, position: int, *, hint: str = "Nothing of this answer was stored. Look at the embedder."
) -> WrongAnswer:
    """The error for an answer that went wrong at a text."""
    error = WrongAnswer(what, hint=hint)
    error.position = position
    return error
