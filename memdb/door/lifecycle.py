"""What keeps memories over the years: pruning and forgetting, merging and summing up."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

from memdb.door import lazy
from memdb.door.place import Place
from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.lifecycle.consolidating import Consolidation, Summarizer, Terms
    from memdb.lifecycle.duplicates import Duplicates
    from memdb.lifecycle.forgetting import Forgetting
    from memdb.lifecycle.merging import Merging, Unmerging
    from memdb.lifecycle.pruning import Pace, Pruning
    from memdb.shape import UserKey


class Lifecycle(Place):
    """The part of a Database that deletes memories, and makes few of many."""

    def prune(
        self,
        *,
        dry_run: bool = False,
        prove: bool = False,
        pace: "Pace | None" = None,
        wait_seconds: float = 60,
        on_batch: Callable[[int], None] | None = None,
    ) -> "Pruning":
        """Deletes the memories that are due by the rules of the set retention, batch by batch, or says which are due.

        Each batch is a transaction of its own, so a run can be cut short at any moment, and the next one goes on. With
        `prove`, the same searches are made before and after, and their recall and time are told.
        Raises DatabaseError without the set, and where row-level security hides memories from this role; UsageError for
        a dry run that is to prove anything.
        """
        if dry_run and prove:
            raise UsageError("a dry run deletes nothing, so it proves nothing", hint="Leave out --dry-run or --prove.")
        with self.connected("prune", losing=not dry_run, wait_seconds=wait_seconds) as connection:
            if dry_run:
                return lazy.pruning.due(connection)

            def work() -> "Pruning":
                hear = on_batch or (lambda _: None)
                return lazy.pruning.prune(connection, pace or lazy.pruning.Pace(), on_batch=hear)

            return lazy.pruning.proved(connection, work) if prove else work()

    def forget(
        self, user: "UserKey", *, and_user: bool = False, dry_run: bool = False, wait_seconds: float = 60
    ) -> "Forgetting":
        """Deletes all that is one user's in memdb's tables, in one transaction, and proves from the catalog that it is.

        Their row in the table of users stays unless `and_user`. Raises DataError for somebody of whom nothing is there,
        and DatabaseError where rows of the application are in the way, or some may be hidden from this role.
        """
        with self.connected("forget", losing=not dry_run, wait_seconds=wait_seconds) as connection:
            forget = lazy.forgetting.would_forget if dry_run else lazy.forgetting.forget
            return forget(connection, user, and_user=and_user)

    def duplicates(
        self,
        user: "UserKey | None" = None,
        *,
        near: bool = False,
        max_distance: float | None = None,
        only: Collection[UUID] = (),
        most: int = 20,
    ) -> "Duplicates":
        """Memories of one user, or of all, that say the same, or nearly: groups of which one would be kept. Reads only.

        `near` ones are no farther apart than `max_distance`, or than each user's own memories tell. `only` names the
        memories that are kept, and with them their groups. Up to `most` groups are told in full. Raises DatabaseError
        without the set deduplication, and where row-level security hides memories from this role; DataError for a user
        without memories.
        """
        with self.connected("duplicates") as connection:
            asked = lazy.duplicates.Asked(user, near, max_distance, frozenset(only), most)
            return lazy.duplicates.find(connection, asked)

    def merge(
        self, found: "Duplicates", *, wait_seconds: float = 60, on_batch: Callable[[int], None] | None = None
    ) -> "Merging":
        """Merges duplicates into the memories that are kept; the others go to the archive.

        Of near ones and of those that were asked for by name, merges the groups that are `shown`; of exact ones all.
        Each batch is a transaction of its own, so a run can be cut short at any moment, and the next one goes on.
        Raises DatabaseError without the sets deduplication and archive, LockTimeout.
        """
        with self.connected("duplicates", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.merging.merge(connection, found, on_batch=on_batch or (lambda _: None))

    def unmerge(self, memory_id: UUID, *, wait_seconds: float = 60) -> "Unmerging":
        """Brings back all that was merged into a memory. Raises DataError where that is nothing."""
        with self.connected("duplicates", losing=True, wait_seconds=wait_seconds) as connection:
            return lazy.merging.unmerge(connection, memory_id)

    def consolidate(
        self,
        summarizer: "Summarizer",
        *,
        terms: "Terms | None" = None,
        wait_seconds: float = 60,
        on_job: Callable[[str], None] | None = None,
    ) -> "Consolidation":
        """Has a worker of yours sum memories up, one job of the set consolidation after the other, until none is left.

        `on_job` hears of each: completed, failed or refused. What the summarizer raises gives a job back, to be tried
        again later. Raises DatabaseError without the set, and where row-level security hides jobs from this role.
        """
        with self.connected("consolidate", wait_seconds=wait_seconds) as connection:
            return lazy.consolidating.run_worker(
                connection, summarizer, terms or lazy.consolidating.Terms(), on_job=on_job or (lambda _: None)
            )
