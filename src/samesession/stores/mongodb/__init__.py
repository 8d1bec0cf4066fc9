"""The store in MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import on_demand

if TYPE_CHECKING:
    from .store import MongoStore

__all__ = ["MongoStore"]

if not TYPE_CHECKING:
    __getattr__ = on_demand(__name__, __all__)
