"""Checks of what the database runs on."""

from collections.abc import Iterator
from datetime import UTC, datetime

from memdb.database import MINIMUM_PGVECTOR
from memdb.doctor.advisories import ADVISORIES, END_OF_LIFE, Advisory, Component, numbers
from memdb.doctor.checks import Check
from memdb.doctor.facts import Server
from memdb.doctor.findings import Finding, Level
from memdb.doctor.patient import Patient

_EXPLOITED = "Whoever may query this database, or make an application do so, can use them"


def _vulnerabilities(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    level: Level = "error" if server.others_log_in else "info"
    found = f"{_EXPLOITED}." if server.others_log_in else f"{_EXPLOITED}; no other role can log in here."
    for component, version in _versions(server):
        if known := _known(component, version, corrupts=False):
            yield Finding(
                level,
                "known vulnerabilities",
                f"{component} {version}",
                f"{found} {_named(known)}.",
                _update(patient, component, known),
            )


def _corruption(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    for component, version in _versions(server):
        if known := _known(component, version, corrupts=True):
            yield Finding(
                "warning",
                "known faults spoil indexes",
                f"{component} {version}",
                f"Searches then miss memories, or fail. Mended by {_named(known)}.",
                f"{_update(patient, component, known)} Then build indexes again that may be affected: "
                "reindex index concurrently …",
            )


def _unsupported(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    (series, *_) = numbers(server.version)
    end = END_OF_LIFE.get(series)
    if series < min(END_OF_LIFE) or (end is not None and datetime.now(UTC).date() > end):
        yield Finding(
            "warning",
            "this series gets no more fixes",
            f"PostgreSQL {series}",
            "Faults that are found from now on stay, those of security among them."
            + (f" Its last release was due on {end:%d %B %Y}." if end else ""),
            f"Plan the upgrade to PostgreSQL {max(END_OF_LIFE)} (pg_upgrade, or a copy of the database).",
        )
    if server.pgvector and numbers(server.pgvector) < numbers(MINIMUM_PGVECTOR):
        yield Finding(
            "error",
            "older than memdb supports",
            f"pgvector {server.pgvector}",
            "A search with a filter loses rows: iterative scans came with 0.8.0.",
            f"Install pgvector {MINIMUM_PGVECTOR} or newer on the server, then update the extension.",
            "alter extension vector update;",
        )


def _behind(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    if server.pgvector and server.pgvector_offered and numbers(server.pgvector) < numbers(server.pgvector_offered):
        yield Finding(
            "warning",
            f"the extension is at {server.pgvector}, and {server.pgvector_offered} is installed",
            "extension vector",
            "The library is new and what SQL knows of it is old: new types, functions and casts are missing.",
            "Update the extension in this database, as its owner.",
            "alter extension vector update;",
        )


def _place(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    path = patient.know("names").path
    if server.vector_schema is not None and server.vector_schema not in path:
        yield Finding(
            "info",
            "the search_path does not lead to the extension",
            f"schema {server.vector_schema}",
            "memdb finds it, but SQL of an application that writes vector or <=> without a schema fails.",
            f"Write operator({server.vector_schema}.<=>) and {server.vector_schema}.vector in queries, or add "
            f"{server.vector_schema} to the search_path of the application's role.",
        )


def _versions(server: Server) -> Iterator[tuple[Component, str]]:
    yield "PostgreSQL", server.version.split(" ")[0]
    if server.pgvector:
        yield "pgvector", server.pgvector


def _known(component: Component, version: str, *, corrupts: bool) -> list[tuple[Advisory, str]]:
    """What affects this version, with the release that mends it."""
    of_kind = (item for item in ADVISORIES if item.component == component and item.corrupts == corrupts)
    return [(item, fixed) for item in of_kind if (fixed := item.fixed_in(version))]


def _named(known: list[tuple[Advisory, str]]) -> str:
    names: dict[str, list[str]] = {}
    for item, _ in known:
        names.setdefault(item.what, []).append(item.name)
    return "; ".join(f"{', '.join(of_kind)}: {what}" for what, of_kind in names.items())


def _update(patient: Patient, component: Component, known: list[tuple[Advisory, str]]) -> str:
    newest = max((fixed for _, fixed in known), key=numbers)
    if patient.place.is_embedded:
        return f"Update the package that brings the server to one with {component} {newest} or newer."
    how = "the data stays as it is" if component == "PostgreSQL" else "then: alter extension vector update"
    return f"Install {component} {newest} or newer ({how}), or ask your provider to."


CHECKS = (
    Check("known-vulnerabilities", "PostgreSQL or pgvector has a known vulnerability (CVE), by name", _vulnerabilities),
    Check("known-corruption", "PostgreSQL or pgvector has a fault that spoils indexes, by name", _corruption),
    Check(
        "supported-versions", "PostgreSQL gets no more fixes, or pgvector is older than memdb supports", _unsupported
    ),
    Check("extension-version", "the extension was not updated after the library was", _behind),
    Check("extension-schema", "the search_path does not lead to the extension", _place),
)
