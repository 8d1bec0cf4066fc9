"""Note the owners of sessions in a store's owner index, under names that may hide the owners.

                           noted under           searched and removed under
    no encryption          the owner             the owner
    it only reads          the owner             the owner, and each key's name
    it writes              the newest key's      each key's name, and the owner until `plain_until`

A key's name for an owner is its HMAC: a plain digest of an address or a number can be guessed.
An entry is noted before its record is written, also under the newest name if the record is
written again under a newer key. It is removed after the record is deleted. Entries under older
names are left to expire: processes may differ in which name is the newest, and a walk through
the names could miss an entry that moves from one name to another.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from ..errors import NotSupported
from .batches import delist_many, owned_by
from .encryption import Encryption
from .steps import Steps
from .store import KeyPage, OwnerIndex, Store
from .token import text


class OwnerEntries:
    """The entries of a store's owner index, if it has one."""

    __slots__ = ("_encryption", "_index")

    def __init__(self, store: Store, encryption: Encryption | None) -> None:
        self._index = store if isinstance(store, OwnerIndex) else None
        self._encryption = encryption

    def add(self, owner: str | None, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner, for at least `lifetime` seconds."""
        if owner is not None and self._index is not None:
            yield from self._index.enlist(self._names(owner)[0], key, lifetime=lifetime)

    def are_due(self, *, stale: bool) -> bool:
        """Return whether rewriting a record, which may be stale, must note its owner again.

        A process that only reads encrypted records cannot know whether a writing process did so.
        """
        return self._encryption is not None and (stale or not self._encryption.writes)

    def remove(self, owner: str | None, key: str) -> Steps[None]:
        """Remove a key from the owner's entries, under each of the owner's names."""
        if owner is not None and self._index is not None:
            for name in self._names(owner):
                yield from self._index.delist(name, key)

    def remove_many(
        self, owner: str, keys: Sequence[str], *, every_name: bool = False
    ) -> Steps[None]:
        """Remove keys from the owner's entries, under each of the owner's names; see `pages`."""
        if self._index is not None:
            for name in self._names(owner, every=every_name):
                yield from delist_many(self._index, name, keys)

    def pages(
        self, owner: str, *, every_name: bool = False
    ) -> Callable[[str | None], Steps[KeyPage]]:
        """Return a function that lists the owner's keys page by page, under each name.

        `every_name`: also the owner's plain name, though no record that it leads to counts. Raises
        NotSupported on a store that keeps no index.
        """
        if self._index is None:
            raise NotSupported(
                "this store cannot list a user's sessions: choose another store, such as "
                'SESSION_TYPE = "filesystem"'
            )
        index = self._index
        lists = [owned_by(index, name) for name in self._names(owner, every=every_name)]

        def page(after: str | None) -> Steps[KeyPage]:
            # Where to continue: the number of a name, and the place among its keys.
            number, colon, place = (after or "0").partition(":")
            at = int(number)
            found = yield from lists[at](place if colon else None)
            if found.after is not None:
                return KeyPage(found.keys, f"{at}:{found.after}")
            return KeyPage(found.keys, str(at + 1) if at + 1 < len(lists) else None)

        return page

    def _names(self, owner: str, *, every: bool = False) -> list[str]:
        """Return all names of an owner in the store; new entries are under the first."""
        encryption = self._encryption
        if encryption is None:
            return [owner]
        hashed = [text(hmac.digest(key, owner.encode(), "sha256")) for key in encryption.owner_keys]
        if not encryption.writes:
            return [owner, *hashed]
        return [*hashed, owner] if every or encryption.reads_plain() else hashed
