"""What there is to say of results: as text, and as annotations beside the files that they are about."""

import functools
import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@functools.singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result."""
    lines: Iterator[Any] = _registered(render, type(result))(result)
    return lines


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is said beside a line of a file; `level` is error, warning or notice."""

    level: str
    title: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a case of a report for CI failed: of which type, in a line, and in full, line by line."""

    type: str
    message: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was looked at: it is as it should be, or it failed, or was `skipped` for a reason."""

    group: str
    name: str
    failure: Failure | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """A result as cases, for JUnit; `notes` are lines that sum up."""

    name: str
    cases: tuple[Case, ...]
    notes: tuple[str, ...]


@functools.singledispatch
def suite(result: Any) -> Suite:
    """The cases that a result consists of."""
    found: Suite = _registered(suite, type(result))(result)
    return found


def has_cases(kind: type) -> bool:
    """Whether such results consist of cases."""
    return kind is not object and _found(suite, kind) is not None


@functools.singledispatch
def annotate(result: Any) -> Iterator[Annotation | str]:
    """The annotations of a result, and lines that sum up."""
    annotations: Iterator[Annotation | str] = _registered(annotate, type(result))(result)
    return annotations


def has_annotations(kind: type) -> bool:
    """Whether there are annotations for such results."""
    return kind is not object and _found(annotate, kind) is not None


def _registered(function: Any, kind: type) -> Any:
    if (found := _found(function, kind)) is None:
        raise NotImplementedError(kind)
    return found


def _found(function: Any, kind: type) -> Any:
    """What is registered for results of a type: for a class of `memdb.PACKAGE.NAME` by `memdb.output.NAME`, else by
    `memdb.output.PACKAGE`, which is loaded when it is first asked for."""
    package, *rest = kind.__module__.split(".")[1:]
    name = rest[-1] if rest and importlib.util.find_spec(f"{__package__}.{rest[-1]}") else package
    importlib.import_module(f"{__package__}.{name}")
    found = function.dispatch(kind)
    return None if found is function.dispatch(object) else found
