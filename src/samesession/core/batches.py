"""Work on many records in batches, on any store.

Each batch is an operation with its own deadline, and other requests run between two batches. A
store without the abilities for it is asked once for each key. This module handles keys and bytes,
not records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BadRecord
from .steps import Steps, checkpoint
from .store import (
    Batches,
    Dated,
    DatedRecord,
    KeyPage,
    Lifetimes,
    Outcome,
    OwnerIndex,
    PagedOwnerIndex,
    Store,
)

# Keys in the first batch: few, until the size of the records is known.
_FEWEST, MOST = 8, 200
_LOOKED_AT = 2000  # keys to look at, wanted or not, before other tasks get a turn
# How many bytes a batch should read. With more, requests on the same connection would wait for
# another user's sessions.
_BYTES = 512 * 1024


class KeyWalk:
    """All the keys that `page` lists, in batches."""

    def __init__(
        self,
        page: Callable[[str | None], Steps[KeyPage]],
        *,
        wanted: Callable[[str], bool],
        begun: KeyPage | None = None,
    ) -> None:
        """`page`: returns the page after another one. `wanted`: chooses keys.

        `begun`: the `rest` of a walk that stopped early.
        """
        self._page = page
        self._wanted = wanted
        # The keys of the page that were not looked at yet.
        self._listed: Sequence[str] = () if begun is None else begun.keys
        self._after: str | None = None if begun is None else begun.after
        self._ended = begun is not None and begun.after is None
        self._keys: list[str] = []  # wanted keys that were not returned yet
        self._size = _FEWEST

    @property
    def rest(self) -> KeyPage | None:
        """The rest of the walk: keys that are known, and the mark of the next page."""
        known = [*self._keys, *self._listed]
        return KeyPage(known, self._after) if known or not self._ended else None

    def batch(self, most: int | None = None) -> Steps[Sequence[str]]:
        """Return the next keys, at most this many; none at the end."""
        while not self._keys and (self._listed or not self._ended):
            yield from checkpoint()
            yield from self._look_on()
        size = self._size if most is None else min(self._size, most)
        batch, self._keys = self._keys[:size], self._keys[size:]
        return batch

    def _look_on(self) -> Steps[None]:
        """Look at some more keys: a page may have any number of keys, and none that is wanted."""
        if not self._listed:
            page = yield from self._page(self._after)
            self._listed, self._after, self._ended = page.keys, page.after, page.after is None
        some, self._listed = self._listed[:_LOOKED_AT], self._listed[_LOOKED_AT:]
        self._keys = [*dict.fromkeys(filter(self._wanted, some))]

    def weigh(self, size: int) -> None:
        """Choose the next batch's length from the size of the last batch's records."""
        factor = 2.0 if size == 0 else min(2.0, _BYTES / size)
        self._size = max(1, min(MOST, int(self._size * factor)))


def owned_by(store: OwnerIndex, owner: str) -> Callable[[str | None], Steps[KeyPage]]:
    """Return a function that lists the keys of an owner page by page."""

    def page(after: str | None) -> Steps[KeyPage]:
        if isinstance(store, PagedOwnerIndex):
            return (yield from store.owned_page(owner, after=after))
        return KeyPage([*(yield from store.owned(owner))], None)

    return page


def every_key(page: Callable[[str | None], Steps[KeyPage]]) -> Steps[list[str]]:
    """Return the keys of all pages."""
    found = yield from page(None)
    keys = [*found.keys]
    while found.after is not None:
        found = yield from page(found.after)
        keys += found.keys
    return keys


def load_many(store: Store, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
    """Read records; None for each that does not exist or cannot be read as a record."""
    if isinstance(store, Batches):
        yield from checkpoint()
        return (yield from store.load_many(keys))
    found: list[bytes | None] = []
    for key in keys:
        yield from checkpoint()
        found.append((yield from peek(store, key)))
    return found


def load_dated(
    store: Store, keys: Sequence[str], lifetimes: Lifetimes
) -> Steps[Sequence[DatedRecord | None]]:
    """Read records with the times of last renewal and expiry, if the store can tell them."""
    if isinstance(store, Dated):
        yield from checkpoint()
        return (yield from store.load_dated(keys, lifetimes=lifetimes))
    found = yield from load_many(store, keys)
    return [None if raw is None else DatedRecord(raw, None, None) for raw in found]


def peek(store: Store, key: str) -> Steps[bytes | None]:
    """Read a record without renewing it; None if there is none or it cannot be read."""
    try:
        return (yield from store.load(key, renew=None))
    except BadRecord:
        return None


def remove_many(store: Store, keys: Sequence[str]) -> Steps[Sequence[bool]]:
    """Delete records; return for each whether it existed."""
    if isinstance(store, Batches):
        yield from checkpoint()
        return (yield from store.remove_many(keys))
    removed: list[bool] = []
    for key in keys:
        yield from checkpoint()
        removed.append((yield from remove(store, key)))
    return removed


def remove(store: Store, key: str) -> Steps[bool]:
    """Delete a record; return whether there was one. Unreadable bytes do not count as a record."""
    try:
        return (yield from store.remove(key, expected=None)) is Outcome.WRITTEN
    except BadRecord:
        return False


def delist_many(store: OwnerIndex, owner: str, keys: Sequence[str]) -> Steps[None]:
    """Remove keys from an owner's index."""
    if isinstance(store, PagedOwnerIndex):
        yield from checkpoint()
        yield from store.delist_many(owner, keys)
        return
    for key in keys:
        yield from checkpoint()
        yield from store.delist(owner, key)
