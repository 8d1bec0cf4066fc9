"""MongoDB: everything about it."""

from __future__ import annotations

from .store import MongoStore, open_store

__all__ = ["MongoStore", "open_store"]
