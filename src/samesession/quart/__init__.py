"""The Quart interface: every wait of the shared core is awaited."""

from __future__ import annotations

from ..device_demand import DeviceProofRequired
from ..exempt import no_session
from ..reauthentication import ReauthenticationRequired
from .actions import (
    all_sessions,
    count,
    device_bound_now,
    erase_owner,
    export_owner,
    fresh_required,
    ping,
    purge,
    reload,
    revoke,
    revoke_all,
    revoke_everyone,
    save,
    saving,
    session,
    sessions_of,
    sessions_page,
    watching,
)
from .ended import Ended
from .interface import QuartSessionInterface, init_app
from .outside import session_by_sid

__all__ = [
    "DeviceProofRequired",
    "Ended",
    "QuartSessionInterface",
    "ReauthenticationRequired",
    "all_sessions",
    "count",
    "device_bound_now",
    "erase_owner",
    "export_owner",
    "fresh_required",
    "init_app",
    "no_session",
    "ping",
    "purge",
    "reload",
    "revoke",
    "revoke_all",
    "revoke_everyone",
    "save",
    "saving",
    "session",
    "session_by_sid",
    "sessions_of",
    "sessions_page",
    "watching",
]
