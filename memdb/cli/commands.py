"""What makes a function a command: its examples, and options that come together as one parameter."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any


def command(*examples: str, also: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Each parameter that is a dataclass is replaced by the fields of that, as options of their own."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        expanded = _expanded(function)
        expanded.epilog = epilog(*examples, also=also)  # type: ignore[attr-defined]
        return expanded

    return decorate


def epilog(*examples: str, also: str = "") -> str:
    """The end of a help: commands to be pasted, each in one line, however long; and what else there is to say."""
    shown = "\n".join(["\b", "Example:" if len(examples) == 1 else "Examples:", *(f"  {one}" for one in examples)])
    return f"{shown}\n\n{also}" if also else shown


def _expanded(command: Callable[..., Any]) -> Callable[..., Any]:
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if dataclasses.is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
            parameters += map(_option, dataclasses.fields(parameter.annotation))
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def expanded(**given: Any) -> Any:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        return command(**given, **made)

    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def _option(field: "dataclasses.Field[Any]") -> inspect.Parameter:
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
