"""Text for a team's own SQL directory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from memdb.output.rendering import render
from memdb.project import NewMigration, NewMigrations, Project, Upgrade
from memdb.shape import INDEXED_DIMENSIONS, Shape


@render.register
def _(project: Project) -> Iterator[Any]:
    yield f"Wrote the SQL of memdb to {project.sql_dir} ({len(project.created)} files)."
    yield from _shape(project.shape)
    yield from _snapshot(project.has_snapshot)
    yield "Recommended where an application has a database role of its own: memdb migrate --with row_security"
    if project.settings:
        yield f"{project.directory / 'memdb.toml'} already exists. Commands do not use the new files until it says:"
        yield from (f"  {line}" for line in project.settings.splitlines() if not line.startswith("#"))
    else:
        yield f"Commands run in {project.directory} use it. Add to it with: memdb new NAME"


@render.register
def _(upgrade: Upgrade) -> Iterator[Any]:
    yield from _shape(upgrade.shape)
    if not upgrade.added:
        yield f"{upgrade.sql_dir} has everything that this memdb ships."
    elif upgrade.is_dry_run:
        yield f"This would be added to {upgrade.sql_dir}:"
    else:
        yield f"Added to {upgrade.sql_dir}:"
    yield from (f"  {path}" for path in upgrade.added)
    if upgrade.differing:
        yield "Left as they are, though memdb ships different text:"
        yield from (f"  {path}" for path in upgrade.differing)
    yield from _snapshot(upgrade.has_snapshot)


def _shape(shape: Shape) -> Iterator[str]:
    users, made = shape.users, " (created if missing)" if shape.users.may_be_made else ""
    yield f"Memories belong to {users.table} ({users.key}), {users.key_type}{made}; embeddings are {shape.embedding}."
    if not shape.is_indexed:
        kind = shape.embedding_type
        most = INDEXED_DIMENSIONS[kind]
        yield f"pgvector has no HNSW index for a {kind} of more than {most:,} dimensions, so none is created."
        if replace(shape, embedding_type="halfvec").is_indexed:
            yield "With --embedding-type halfvec there is one, and embeddings take half the space."
    elif not replace(shape, embedding_type="vector").is_indexed:
        most = INDEXED_DIMENSIONS["vector"]
        yield f"They are halfvec because pgvector has no HNSW index for a vector of more than {most:,} dimensions."


def _snapshot(is_there: bool) -> Iterator[str]:
    if not is_there:
        yield (
            "The snapshot was not written, because there is no server to try files on. Write it with: "
            "memdb snapshot --scratch-url URL"
        )


@render.register
def _(migration: NewMigration) -> Iterator[Any]:
    yield str(migration.path)
    yield str(migration.rollback_path)


@render.register
def _(several: NewMigrations) -> Iterator[Any]:
    for migration in several.migrations:
        yield from render(migration)
    yield "Read them, then: memdb migrate; memdb snapshot"
