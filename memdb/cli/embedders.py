"""The options that say which model makes embeddings."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.embedders.endpoint import Endpoint
    from memdb.embedders.local import Local

Named: TypeAlias = "Endpoint | Local"

LOCAL = typer.Option(
    help="A model that is run here: a folder with its model.onnx and tokenizer.json.", metavar="FOLDER"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model in a folder, or behind a URL."""

    local: Annotated[Path | None, LOCAL] = None
    model: Annotated[
        str | None,
        typer.Option(help="Name of the model. Default: that of the folder, with --local.", metavar="NAME"),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            help="An endpoint that speaks OpenAI's protocol, such as http://localhost:11434/v1. Default: OpenAI.",
            metavar="URL",
        ),
    ] = None
    dimensions: Annotated[
        int | None,
        typer.Option(min=1, max=16_000, help="Ask the model for so many numbers, if it can shorten them.", metavar="N"),
    ] = None

    @property
    def is_named(self) -> bool:
        return any(given is not None for given in (self.local, self.model, self.base_url, self.dimensions))

    @property
    def is_placed(self) -> bool:
        """Whether it is said where the model is."""
        return self.local is not None or self.base_url is not None

    def options(self, model: str) -> Iterator[str]:
        """By which another command asks the same model."""
        if self.local is not None:
            yield from ("--local", str(self.local))
        if self.local is None or self.model:
            yield from ("--model", model)
        if self.base_url is not None:
            yield from ("--base-url", self.base_url)
        if self.dimensions is not None:
            yield from ("--dimensions", str(self.dimensions))

    def embedder(self) -> Named:
        """Raises UsageError for what does not go together, where no model is named, and without the extra needed."""
        from memdb.embedders import choosing

        if self.local is None:
            return choosing.endpoint(required(self.model), self.base_url, self.dimensions)
        if self.base_url is not None or self.dimensions:
            raise UsageError(
                "a model in a folder and an endpoint are given",
                hint="Leave out --local, or --base-url and --dimensions.",
            )
        return choosing.local(self.local, self.model)


def required(model: str | None) -> str:
    """Raises UsageError where it is not said which model."""
    if not model:
        raise UsageError("it is not said which model", hint="Give its name: --model text-embedding-3-small")
    return model
