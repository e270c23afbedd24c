"""What an embedder answers: any list, array or generator is taken, and what is none of these is told by its name."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from memdb.embedders.protocol import WrongAnswer, checked, require_embedder
from memdb.errors import UsageError
from memdb.shape import Shape

SHAPE = Shape(dimensions=2)
RIGHT = [[1.0, 0.5], [0.25, 1.0]]


@pytest.mark.parametrize(
    "made", [list, tuple, iter, np.array, lambda rows: np.array(rows, np.float16), lambda rows: map(tuple, rows)]
)
def test_lists_arrays_and_generators_are_taken(made: Callable[[Sequence[Any]], Any]) -> None:
    np.testing.assert_array_equal(checked(made(RIGHT), 2, SHAPE).vectors, RIGHT)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "the answer is a NoneType"),
        ({"one": RIGHT[0], "other": RIGHT[1]}, "the answer is a dict"),
        ({(1.0, 0.5), (0.25, 1.0)}, "the answer is a set"),
        ("ab", "the answer is a str"),
        (iter(RIGHT[:1]), "2 texts were answered with 1 embeddings"),
        (itertools.repeat(RIGHT[0]), "2 texts were answered with 3 embeddings"),
        ([RIGHT[0], "[0.25, 1.0]"], "an embedding is a str"),
        ([RIGHT[0], {0: 0.25, 1: 1.0}], "an embedding is a dict"),
        ([RIGHT[0], [[0.25], [1.0, 2.0]]], "an embedding is a list that is no list of numbers"),
    ],
)
def test_what_is_no_list_of_embeddings_is_named(given: Any, said: str) -> None:
    with pytest.raises(WrongAnswer, match=said):
        checked(given, 2, SHAPE)


def test_a_coroutine_where_none_is_awaited_is_told_where_it_belongs() -> None:
    async def embed() -> list[list[float]]:
        return RIGHT

    with pytest.raises(WrongAnswer, match="embed is a coroutine") as raised:
        checked(embed(), 2, SHAPE)
    assert "aembed" in str(raised.value.hint)


class Named:
    def __init__(self, model: Any) -> None:
        self.model = model

    def embed(self, texts: Sequence[str]) -> Sequence[Any]:
        return texts


@pytest.mark.parametrize("model", [None, "", " ", 5, "a\0b", "a\ud800"])
def test_an_embedder_without_a_name_for_its_model_is_refused_before_it_is_asked(model: Any) -> None:
    with pytest.raises(UsageError, match="the embedder Named does not say which model it asks"):
        require_embedder(Named(model), "embed")


def test_what_has_no_way_to_be_asked_is_no_embedder() -> None:
    require_embedder(Named("m"), "embed", "aembed")
    with pytest.raises(UsageError, match="Named is no embedder: it has no aembed"):
        require_embedder(Named("m"), "aembed")
