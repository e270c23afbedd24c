"""Checks of the indexes of memories, and of the memory that their builds and searches have."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from memdb.doctor.checks import Check, sized
from memdb.doctor.facts import Index, Server
from memdb.doctor.findings import Finding
from memdb.doctor.patient import CannotLook, Patient
from memdb.doctor.shards import Servers
from memdb.target import Target
from memdb.words import listed

_MB = 1024**2
_PAGE = 8192 - 24 - 8  # what rows and their line pointers share, without the header and pgvector's own bytes at the end
_WORTH = 10 * _MB  # below that, no index is worth a word
_BLOATED = 2.0
_DAYS = 7
_SCANS = 1000
_SHARED = Path("/dev/shm")  # noqa: S108 - POSIX shared memory, where the server takes it from


def _invalid(patient: Patient) -> Iterator[Finding]:
    for index in _indexes(patient):
        if not index.is_valid and index.is_being_built:
            yield Finding("info", "an index is being built", index.name, "No search uses it yet.", "Wait.")
        elif not index.is_valid:
            yield Finding(
                "error",
                "an index is invalid",
                index.name,
                "Its build was cut short. Writes keep it up, at full price, and no search uses it.",
                "Build it again; reads and writes go on meanwhile.",
                f"reindex index concurrently {index.name};",
            )


def _bloated(patient: Patient) -> Iterator[Finding]:
    unknown = []
    for index in _indexes(patient):
        if index.bytes < _WORTH or index.rows <= 0:
            continue
        expected = _expected(patient.know("target"), index)
        if expected is None:
            unknown.append(index.name)
        elif index.bytes > _BLOATED * expected + _WORTH:
            yield Finding(
                "warning",
                f"an index takes {sized(index.bytes)}, about {index.bytes / expected:.0f} times what its rows need",
                index.name,
                "What was deleted or changed left holes that searches read, and that take memory from the rest.",
                "Build it again; reads and writes go on meanwhile. It needs room for a second one.",
                f"reindex index concurrently {index.name};",
            )
    if unknown:
        raise CannotLook(f"this role may not see the statistics of the columns of {listed(unknown)}")


def _unused(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    if server.counted_days < _DAYS:
        raise CannotLook("the counters of the server are less than a week old")
    scans = {table.oid: table.scans for table in patient.know("tables")}
    for index in _indexes(patient):
        if not (index.scans or index.is_needed) and index.bytes >= _WORTH and scans[index.table] >= _SCANS:
            yield Finding(
                "info",
                f"an index of {sized(index.bytes)} was not used for {server.counted_days:.0f} days",
                index.name,
                "Each write keeps it up. Replicas count for themselves, and a rare job may still need it.",
                "If nothing does, take it out with a migration, which says how to bring it back"
                + (" (the set drop_hnsw does)." if index.method == "hnsw" and "drop_hnsw" in patient.sets else "."),
            )


def _build_memory(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    for index, needed in _graphs(patient):
        if needed > max(server.maintenance_work_mem, _WORTH):
            megabytes = -(-int(1.1 * needed) // _MB)
            yield Finding(
                "warning",
                f"building this index needs {sized(needed)}, and maintenance_work_mem is "
                f"{sized(server.maintenance_work_mem)}",
                index.name,
                "A graph that outgrows it is finished on disk, which takes many times as long.",
                f"Before it is built again: set maintenance_work_mem = '{megabytes}MB' in that session, if the server "
                f"has the memory; for migrations, memdb migrate --maintenance-work-mem {megabytes}MB.",
            )


def _shared_memory(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    graphs = list(_graphs(patient))
    if not graphs or server.workers == 0 or server.shared_memory != "posix":
        return
    if not patient.connection.info.host.startswith("/") or not _SHARED.is_dir():
        raise CannotLook("the server is on another machine, or in a container, whose /dev/shm cannot be seen from here")
    index, needed = max(graphs, key=lambda graph: graph[1])
    wanted = min(needed, server.maintenance_work_mem)
    free = shutil.disk_usage(_SHARED).free
    if wanted > free:
        yield Finding(
            "warning",
            f"a parallel build of this index takes {sized(wanted)} of /dev/shm, and {sized(free)} are free",
            index.name,
            "It then fails with: could not resize shared memory segment.",
            "Give the container more (docker run --shm-size), or set max_parallel_maintenance_workers = 0 for "
            "the build.",
        )


def _buffers(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    servers: Servers = patient.know("servers")
    for index in _indexes(patient):
        bytes_here = index.bytes / max(1, len(servers.workers))
        if index.method == "hnsw" and bytes_here > server.cache:
            yield Finding(
                "warning",
                f"an HNSW index of {sized(bytes_here)} does not fit into memory",
                index.name,
                f"effective_cache_size is {sized(server.cache)}. A search jumps through the whole graph, and waits for "
                "the disk at each step.",
                "Give the server more memory, or search with fast_search, which does without the graph.",
            )
        elif index.method == "hnsw" and bytes_here > server.shared_buffers:
            yield Finding(
                "info",
                f"an HNSW index of {sized(bytes_here)} is larger than shared_buffers",
                index.name,
                f"shared_buffers is {sized(server.shared_buffers)}; the rest comes from the system's cache, or from "
                "the disk.",
                "If searches are slow after a pause, raise shared_buffers (a restart), to a quarter of the memory.",
            )


def _indexes(patient: Patient) -> list[Index]:
    found: list[Index] = patient.know("indexes")
    return found


def _graphs(patient: Patient) -> Iterator[tuple[Index, float]]:
    """HNSW indexes, with the memory that a build would take: what the graph of all rows takes, or the index does; over
    shards, of which each has its own, that of one."""
    rows = patient.memories.rows
    for index in _indexes(patient):
        if index.method == "hnsw" and index.table == patient.memories.oid:
            yield index, max(float(index.bytes), rows * _node(patient.know("target"), index)) / patient.shards


def _node(found: Target, index: Index) -> float:
    """Bytes of a memory in a graph: its embedding with ten places for heap rows, and links, twice as many below."""
    width = 4 if found.embedding_type == "vector" else 2
    return (80 + 8 + width * found.dimensions) + (8 + 6 * 2 * (index.links or 16) * 1.07)


def _expected(found: Target, index: Index) -> float | None:
    """Bytes that an index of so many rows takes when it is new; None where the width of a row is not known."""
    if index.method == "hnsw":
        return index.rows * 8192 / max(1, _PAGE // _node(found, index))
    if index.method != "btree":
        return float(index.bytes)
    return None if index.row_width is None else index.rows * (16 + index.row_width + 4) / 0.9


CHECKS = (
    Check("invalid-indexes", "an index is invalid, since its build was cut short", _invalid),
    Check("bloated-indexes", "an index is more than twice as large as its rows need (estimated)", _bloated),
    Check("unused-indexes", "an index was not used for a week or more", _unused),
    Check("build-memory", "an HNSW index is larger than maintenance_work_mem", _build_memory),
    Check("shared-memory", f"{_SHARED} is too small for a parallel build of the HNSW index", _shared_memory),
    Check("search-memory", "an HNSW index is larger than shared_buffers, or than the cache", _buffers),
)
