"""The store in Redis and Valkey, with its connections and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import on_demand

if TYPE_CHECKING:
    from .store import RedisStore

__all__ = ["RedisStore"]

if not TYPE_CHECKING:
    __getattr__ = on_demand(__name__, __all__)
