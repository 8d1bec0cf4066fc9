"""Note in a store's owner index which sessions are whose, under names that may hide the owners.

                           noted under           looked for and forgotten under
    no encryption          the owner             the owner
    it only reads          the owner             the owner, and each key's name
    it writes              the newest key's      each key's name, and the owner until `plain_until`

A key's name of an owner is its HMAC: a plain digest of an address or a number is guessed. An
entry is noted before the record it leads to is written, under the newest name too where that is
written anew under a newer key, and forgotten after that is deleted. Those under older names are
left to expire until then: processes may differ in which name is the newest, and whoever walks
through the names while an entry moves from one to another could miss it.
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
        """Return whether to write a record anew, which may be stale, is to note its owner anew.

        What only reads encrypted records cannot tell whether one was noted by what writes them.
        """
        return self._encryption is not None and (stale or not self._encryption.writes)

    def remove(self, owner: str | None, key: str) -> Steps[None]:
        """Forget that a key belongs to an owner, whatever the owner is called."""
        if owner is not None and self._index is not None:
            for name in self._names(owner):
                yield from self._index.delist(name, key)

    def remove_many(
        self, owner: str, keys: Sequence[str], *, every_name: bool = False
    ) -> Steps[None]:
        """Forget that keys belong to an owner, whatever the owner is called; see `pages`."""
        if self._index is not None:
            for name in self._names(owner, every=every_name):
                yield from delist_many(self._index, name, keys)

    def pages(
        self, owner: str, *, every_name: bool = False
    ) -> Callable[[str | None], Steps[KeyPage]]:
        """Return what lists the keys of an owner page by page, whatever the owner is called.

        `every_name`: the owner's own as well, though no record that it leads to counts.
        Raises NotSupported on a store that keeps no index.
        """
        if self._index is None:
            raise NotSupported(
                "this store cannot list a user's sessions: choose another, "
                'such as SESSION_TYPE = "filesystem"'
            )
        index = self._index
        lists = [owned_by(index, name) for name in self._names(owner, every=every_name)]

        def page(after: str | None) -> Steps[KeyPage]:
            # Where it is to go on: the number of a name, and the place among its keys.
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
