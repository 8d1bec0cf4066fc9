"""Redis and Valkey: everything about them, connections and settings included."""

from __future__ import annotations

from .store import RedisStore, open_store

__all__ = ["RedisStore", "open_store"]
