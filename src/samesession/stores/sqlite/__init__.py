"""The store in one SQLite file, with the standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import on_demand

if TYPE_CHECKING:
    from .store import SQLiteStore

__all__ = ["SQLiteStore"]

if not TYPE_CHECKING:
    __getattr__ = on_demand(__name__, __all__)
