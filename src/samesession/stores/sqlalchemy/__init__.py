"""The store in SQL databases, through SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import on_demand

if TYPE_CHECKING:
    from .store import SQLStore
    from .tables import Bytewise, metadata, session_tables

__all__ = ["Bytewise", "SQLStore", "metadata", "session_tables"]

if not TYPE_CHECKING:
    __getattr__ = on_demand(__name__, __all__)
