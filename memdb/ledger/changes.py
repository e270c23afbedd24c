"""How files differ from what was applied of them, and why: edited, renamed, removed, or of an older release."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memdb.errors import HistoryError
from memdb.ledger.history import Applied, History
from memdb.ledger.sqlfiles import Migration, Sets, number_of
from memdb.words import argument


@dataclass(frozen=True, slots=True)
class Renamed:
    """A migration that was applied as `id`, and whose file is called otherwise now."""

    id: str
    file: Migration


@dataclass(frozen=True, slots=True)
class Changes:
    """`missing` is what memdb applied and has no file; `newer` are those of them that came after all that have one.

    `replacing` are pending files with the number or the name of a missing one, which may do what the missing ones did.
    `unknown` was applied by somebody else, such as stock yoyo for another project, and is not missed.
    """

    edited: tuple[Migration, ...]
    renamed: tuple[Renamed, ...]
    missing: tuple[str, ...]
    newer: tuple[str, ...]
    unknown: tuple[str, ...]
    replacing: tuple[str, ...] = ()

    def require_none(self) -> None:
        """Raises HistoryError for the first change that has to be settled before anything is applied."""
        ids = [*(file.id for file in self.edited), *(change.id for change in self.renamed), *self.missing]
        self.require_none_of(ids)

    def require_none_of(self, ids: Iterable[str]) -> None:
        """Raises HistoryError for the first of these applied migrations that is not as it was applied."""
        edited = {file.id: _of_edited(file) for file in self.edited}
        renamed = {change.id: _of_renamed(change) for change in self.renamed}
        missing = {id: self._of_missing(id) for id in self.missing}
        for error in filter(None, map((edited | renamed | missing).get, ids)):
            raise error

    def reason(self, id: str) -> HistoryError:
        """Why an applied migration has no file of its name."""
        renamed = [_of_renamed(change) for change in self.renamed if change.id == id]
        return renamed[0] if renamed else self._of_missing(id)

    def _of_missing(self, id: str) -> HistoryError:
        if id in self.newer:
            return HistoryError(
                f"{id} is applied, but these files have neither it nor anything later: they are from an older release",
                hint="Use the release that brought it, or name its files with --sql-dir. If its files were removed on "
                "purpose, restore them, roll it back with memdb rollback, and then remove them.",
            )
        hint = (
            "Restore the file, or name its directory with --sql-dir. If it was removed on purpose, see what forgetting "
            f"it means, and decide: memdb repair --unmark {argument(id)}"
        )
        if self.replacing:
            settle = [f"--unmark {argument(other)}" for other in self.missing] + [
                f"--mark {file}" for file in self.replacing
            ]
            hint += (
                f". If new files do the same, such as {', '.join(self.replacing)}, they must not run here. Settle all "
                f"of it at once: memdb repair {' '.join(settle)}"
            )
        return HistoryError(f"{id} is applied, but its file is not there", hint=hint)


def find(sets: Sets, history: History) -> Changes:
    """Compares the files with the checksums that were kept when they were run."""
    checksums = {item.id: item.checksum for item in history.applied}
    lost = (item for item in history.unfinished if item.lost)
    gone = [item for item in (*history.applied, *lost) if item.id not in sets.by_id]
    new = [file for file in sets.migrations if file.id not in checksums]
    renamed = tuple(_renamed(gone, new))
    renamed_ids = {change.id for change in renamed}
    missing = tuple(item.id for item in gone if item.checksum is not None and item.id not in renamed_ids)
    return Changes(
        edited=tuple(
            file for file in sets.migrations if checksums.get(file.id) not in (None, file.checksum, *file.formerly)
        ),
        renamed=renamed,
        missing=missing,
        newer=_newer(sets, history, missing),
        unknown=tuple(item.id for item in gone if item.checksum is None),
        replacing=_replacing((file for file in new if file not in [change.file for change in renamed]), missing),
    )


def _renamed(gone: list[Applied], new: list[Migration]) -> Iterator[Renamed]:
    """Each with a file of its own: of several with the same text, that which has kept its number, or its name."""
    files = {file.id: (file, {file.checksum, *file.formerly}) for file in new} if gone else {}
    fitting = (
        (number_of(item.id) != number_of(id), _name_of(item.id) != _name_of(id), item.id, id)
        for item in gone
        for id, (_, checksums) in files.items()
        if item.checksum in checksums
    )
    taken: set[str] = set()
    for *_, applied_as, id in sorted(fitting):
        if taken.isdisjoint((applied_as, id)):
            taken |= {applied_as, id}
            yield Renamed(applied_as, files[id][0])


def _replacing(pending: Iterable[Migration], missing: tuple[str, ...]) -> tuple[str, ...]:
    """Files that take up the number of a missing one, as those into which several were squashed do, or its name."""
    numbers, names = set(map(number_of, missing)), set(map(_name_of, missing))
    return tuple(file.id for file in pending if number_of(file.id) in numbers or _name_of(file.id) in names)


def _name_of(id: str) -> str:
    return id.partition("_")[2]


def _newer(sets: Sets, history: History, missing: tuple[str, ...]) -> tuple[str, ...]:
    """The missing ones, if the history ends with them and no pending file has a higher number."""
    ours = [item.id for item in history.applied if item.checksum is not None]
    pending = (number_of(file.id) for file in sets.active(history.ids) if file.id not in history.ids)
    at_the_end = bool(missing) and tuple(ours[-len(missing) :]) == missing
    return missing if at_the_end and max(pending, default=0) < min(map(number_of, missing)) else ()


def _of_edited(file: Migration) -> HistoryError:
    return HistoryError(
        f"{file.path} was edited after it was applied",
        hint="Restore the file, and put the change into a new migration (memdb new NAME). If the database is right as "
        "it is, see the change and accept it: memdb repair",
    )


def _of_renamed(change: Renamed) -> HistoryError:
    return HistoryError(
        f"{change.id} is applied, but its file is now called {change.file.path.name}",
        hint="Rename the file back, or see the new name and accept it: memdb repair",
    )
