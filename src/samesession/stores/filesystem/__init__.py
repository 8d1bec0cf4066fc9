"""Files, the embedded default: everything about them."""

from __future__ import annotations

from .store import FileStore, open_store

__all__ = ["FileStore", "open_store"]
