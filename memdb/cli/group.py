"""The commands: listed by what people want to do, each loaded when it is asked for."""

import functools
import keyword
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

BARE: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

SECTIONS = {
    "The schema": {
        "migrate": ("migrate", "Apply all pending migrations."),
        "rollback": ("rollback", "Roll back the newest migrations."),
        "status": ("status", "Show what is applied, pending, edited or missing."),
        "verify-schema": ("verify", "Prove that the database has the schema."),
        "baseline": ("baseline", "Adopt a schema that already exists."),
        "repair": ("repair", "Bring the migration history in line with the files."),
        "doctor": ("doctor", "Show what is wrong, why, and what mends it."),
    },
    "The memories": {
        "inspect": ("doctor", "Show how many memories there are, and whose."),
        "search": ("search", "Search one user's memories."),
        "export": ("moving", "Write memories to a file, to take them along."),
        "import": ("moving", "Store the memories of a file that was exported."),
        "seed": ("seed", "Load realistic memories, or remove them."),
        "embed": ("embed", "Make embeddings that are missing or stale."),
        "compare-models": ("compare_models", "Compare a model that is to take over with the one that serves."),
        "prune": ("prune", "Delete memories that are due."),
        "forget": ("forget", "Delete all that is one user's, and prove it."),
        "duplicates": ("duplicates", "Find memories that say the same, and merge them."),
        "benchmark-similarity": ("benchmark", "Measure whether search is fast and right."),
        "capacity": ("capacity", "Predict what memories take, and how they would be spread."),
    },
    "A project of your own": {
        "init": ("init", "Write memdb's SQL into your project."),
        "upgrade": ("init", "Add what this memdb ships to your project."),
        "new": ("new", "Write the next migration and its rollback."),
        "lint": ("lint", "Review pending migrations before they run."),
        "snapshot": ("verify", "Record the expected schema."),
        "verify-models": ("verify", "Prove that SQLAlchemy models match the schema."),
    },
    "Trying memdb": {
        "demo": ("demo", "See memdb at work."),
        "db": ("db", "Control the embedded PostgreSQL."),
    },
}
"""What is there for each purpose: a command's module, and what the list of commands says of it."""


class _Listed(TyperCommand):
    """A command as the list of commands needs it; the command itself is loaded to read its arguments."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, help=summary, rich_markup_mode=None)
        self._module = module

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _load(self._module, self.name or "").make_context(info_name, args, parent, **extra)


class _Sections(TyperGroup):
    """Lists its commands in sections, which typer does only where rich draws the help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.commands))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in commands.items()])


@functools.cache
def _load(module: str, name: str) -> Any:
    function = name.replace("-", "_") + "_" * keyword.iskeyword(name)
    found = getattr(import_module(f"{__package__}.{module}"), function)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(**BARE)
        found.command(name, epilog=function.epilog)(function)
    return typer.main.get_command(found)


def parser(callback: Any, *, help: str, epilog: str) -> TyperGroup:
    """What reads the command line."""
    app = typer.Typer(
        **BARE | {"add_completion": True},
        name="memdb",
        cls=_Sections,
        callback=callback,
        no_args_is_help=True,
        context_settings={"max_content_width": 110, "help_option_names": ["-h", "--help"]},
        help=help,
        epilog=epilog,
    )
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for commands in SECTIONS.values():
        for name, (module, summary) in commands.items():
            group.add_command(_Listed(name, module, summary))
    return group


def format_of(arguments: list[str]) -> str:
    """The output format that is asked for, also where the rest of the command line cannot be read."""
    app = typer.Typer(**BARE, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    app.command()(_format)
    try:
        context = typer.main.get_command(app).make_context("memdb", list(arguments), resilient_parsing=True)
    except typer.TyperException:
        return "text"
    return str(context.params["format"])


def _format(format: Annotated[str, typer.Option("--format", "-f")] = "text") -> None: ...
