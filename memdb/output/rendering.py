"""Results as text."""

import functools
import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any


@functools.singledispatch
def render(result: Any) -> Iterator[Any]:
    """Lines and rich renderables for a result.

    For a class of `memdb.PACKAGE.NAME` they are registered by `memdb.output.NAME`, else by `memdb.output.PACKAGE`,
    which is loaded when it is first asked for.
    """
    package, *rest = type(result).__module__.split(".")[1:]
    name = rest[-1] if rest and importlib.util.find_spec(f"{__package__}.{rest[-1]}") else package
    importlib.import_module(f"{__package__}.{name}")
    registered = render.dispatch(type(result))
    if registered is render.dispatch(object):
        raise NotImplementedError(type(result))
    return registered(result)
