"""memcached: everything about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import MemcachedStore

__all__ = ["MemcachedStore"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the store when it is asked for: its settings are read where it cannot be."""
        if name in __all__:
            from . import store

            return getattr(store, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
