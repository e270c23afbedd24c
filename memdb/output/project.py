"""Text for a team's own SQL directory."""

from collections.abc import Iterator
from typing import Any

from memdb.output.rendering import render
from memdb.project import NewMigration, NewMigrations, Project


@render.register
def _(project: Project) -> Iterator[Any]:
    yield f"Copied the SQL of memdb to {project.sql_dir} ({len(project.created)} files written)."
    yield f"Commands run in {project.directory} use it. Add to it with: memdb new NAME"


@render.register
def _(migration: NewMigration) -> Iterator[Any]:
    yield str(migration.path)
    yield str(migration.rollback_path)


@render.register
def _(several: NewMigrations) -> Iterator[Any]:
    for migration in several.migrations:
        yield from render(migration)
    yield "Read them, then: memdb migrate; memdb snapshot"
