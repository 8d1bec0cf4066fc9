"""The Quart interface: every wait of the shared core is awaited."""

from __future__ import annotations

from ..exempt import no_session
from .actions import (
    purge,
    revoke,
    revoke_all,
    revoke_everyone,
    saving,
    session,
    sessions_of,
    sessions_page,
)
from .interface import QuartSessionInterface, init_app

__all__ = [
    "QuartSessionInterface",
    "init_app",
    "no_session",
    "purge",
    "revoke",
    "revoke_all",
    "revoke_everyone",
    "saving",
    "session",
    "sessions_of",
    "sessions_page",
]
