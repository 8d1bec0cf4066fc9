"""Server-side sessions for Quart and Flask: one core, the same behaviour, shared live sessions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import (
    BadRecord,
    ConfigError,
    EndedSessionKeyError,
    InvalidName,
    NotBound,
    NotSupported,
    ReadOnlySession,
    SessionEnded,
    SessionError,
    SessionTooLarge,
    StoreError,
    StoreUnavailable,
    TooManySessions,
    UnsavedWriteWarning,
)
from .given_application import checked

if TYPE_CHECKING:
    from flask import Flask
    from quart import Quart

    from .core.session import ServerSession as ServerSession
    from .core.session_info import SessionInfo as SessionInfo
    from .core.session_info import SessionPage as SessionPage
    from .core.store import Clock, Openable, Store
    from .reauthentication import ReauthenticationRequired as ReauthenticationRequired

__all__ = [
    "BadRecord",
    "ConfigError",
    "EndedSessionKeyError",
    "InvalidName",
    "NotBound",
    "NotSupported",
    "ReadOnlySession",
    "ReauthenticationRequired",
    "ServerSession",
    "Session",
    "SessionEnded",
    "SessionError",
    "SessionInfo",
    "SessionPage",
    "SessionTooLarge",
    "StoreError",
    "StoreUnavailable",
    "TooManySessions",
    "UnsavedWriteWarning",
]

__version__ = "1.0.0rc1"


# What is loaded by those who name it: the HTTP error needs Werkzeug, which whoever reads sessions
# without requests has no use for, and all pytest runs load the plugin, and with it this module.
_LATER = {
    "ReauthenticationRequired": ".reauthentication",
    "ServerSession": ".core.session",
    "SessionInfo": ".core.session_info",
    "SessionPage": ".core.session_info",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Session:
    """Gives an application server-side sessions: `Session(app)`, for Flask or Quart.

    In an application factory write `sessions = Session()` once and
    `sessions.init_app(app)` for each application. The settings are read from
    `app.config`; they may change until the first request, and Flask's own at any time.
    """

    def __init__(
        self,
        app: Flask | Quart | None = None,
        *,
        store: Store | Openable | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Remember the parts, and give `app` its sessions if there is one.

        `store` takes the place of SESSION_TYPE. `clock` gives seconds since 1970: for tests,
        so that the time is known. Without a clock it is what `time.time` says, to which a
        test may have set it. Raises ConfigError for a missing or wrong setting.
        """
        self._store = store
        self._clock = clock
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask | Quart) -> None:
        """Give an application its sessions.

        Raises ConfigError for a missing or wrong setting, and where it has its sessions,
        TypeError for what is neither a Flask nor a Quart application.
        """
        # By name, so that neither framework is imported for the other's sake.
        found, framework = checked(app)
        shim = import_module(f".{framework}", __name__)
        shim.init_app(found, store=self._store, clock=self._clock)
