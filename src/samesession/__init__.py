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
    from .device_demand import DeviceProofRequired as DeviceProofRequired
    from .reauthentication import ReauthenticationRequired as ReauthenticationRequired

__all__ = [
    "BadRecord",
    "ConfigError",
    "DeviceProofRequired",
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


# These names are loaded when they are first used. The HTTP error needs Werkzeug, which a job that
# reads sessions without requests does not need. Every run of pytest loads the plugin, and with it
# this module.
_LATER = {
    "DeviceProofRequired": ".device_demand",
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
    """Add server-side sessions to an application: `Session(app)`, for Flask or Quart.

    In an application factory, write `sessions = Session()` once and `sessions.init_app(app)` for
    each application::

        from flask import Flask
        from samesession import Session

        app = Flask(__name__)
        app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
        Session(app)

    The settings are read from `app.config`. They may change until the first request, and Flask's
    own settings at any time.

    .. versionadded:: 1.0
    """

    def __init__(
        self,
        app: Flask | Quart | None = None,
        *,
        store: Store | Openable | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep the arguments, and set up the sessions of `app` if it is given.

        `store` is used in place of SESSION_TYPE. `clock` returns seconds since 1970, for tests that
        set the time. Without it, `time.time` is asked, which a test may have patched. Raises
        ConfigError for a missing or wrong setting.
        """
        self._store = store
        self._clock = clock
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask | Quart) -> None:
        """Set up the sessions of an application.

        Raises ConfigError for a missing or wrong setting, and if the application has its sessions
        already. Raises TypeError if `app` is neither a Flask nor a Quart application.
        """
        # The class is recognised by its name, so that neither framework is imported in vain.
        found, framework = checked(app)
        shim = import_module(f".{framework}", __name__)
        shim.init_app(found, store=self._store, clock=self._clock)
