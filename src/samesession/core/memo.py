"""Cache recent results, up to a limit.

There are two generations. A new or used entry goes to the young one. When the young one has half of
the limit, it becomes the old one, and the old one is dropped. So each step costs the same and
nothing is locked. Threads that act at the same time can at worst forget an entry too early.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Values by key, at most `max_bytes` by their given sizes; 0 for none."""

    __slots__ = ("__weakref__", "_half", "_old", "_size", "_young")

    def __init__(self, max_bytes: int) -> None:
        self._half = max_bytes // 2
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._size = 0  # of the young generation

    def get(self, key: K) -> V | None:
        """Return the cached value of a key, None if there is none."""
        entry = self._young.get(key)
        if entry is None:
            entry = self._old.get(key)
            if entry is None:
                return None
            self.put(key, *entry)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Store a value of `size` bytes, in place of the key's former one."""
        if size > self._half:
            self.drop(key)
            return
        if self._size + size > self._half:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[key] = (value, size)
        self._size += size

    def drop(self, key: K) -> None:
        """Forget a key."""
        _ = self._old.pop(key, None)
        _ = self._young.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._size = {}, {}, 0
