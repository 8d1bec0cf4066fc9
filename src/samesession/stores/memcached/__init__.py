"""memcached: everything about it."""

from __future__ import annotations

from .store import MemcachedStore, open_store

__all__ = ["MemcachedStore", "open_store"]
