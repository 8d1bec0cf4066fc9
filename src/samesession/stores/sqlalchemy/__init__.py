"""SQL databases, through SQLAlchemy: everything about them."""

from __future__ import annotations

from .store import SQLStore, open_store
from .tables import Bytewise, metadata, session_tables

__all__ = ["Bytewise", "SQLStore", "metadata", "open_store", "session_tables"]
