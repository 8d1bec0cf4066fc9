"""Attributes of `app.session_interface` that extensions and recipes use, for both frameworks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .app_sessions import AppSessions
from .core import codec
from .core.cookie import Attributes
from .core.cookie_only import tagged_json
from .errors import ConfigError

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Serializer:
    """Writes and reads a session's data as it is stored.

    `dumps` raises TypeError for data that cannot be stored, and `loads` BadRecord.
    """

    dumps: Callable[[Data], Any]  # Any: bytes, or text for a cookie
    loads: Callable[[Any], Data]

    @property
    def encode(self) -> Callable[[Data], Any]:
        """Flask-Session's name for `dumps`."""
        return self.dumps

    @property
    def decode(self) -> Callable[[Any], Data]:
        """Flask-Session's name for `loads`."""
        return self.loads


_RECORD = Serializer(codec.encode, codec.decode)
_COOKIE = Serializer(tagged_json.dumps, tagged_json.loads)


class Answers:
    """The part of an interface besides opening and saving; `app` is the interface's application."""

    app_sessions: AppSessions

    @property
    def serializer(self) -> Serializer:
        """Writes and reads the data of this application's sessions."""
        return _COOKIE if self.app_sessions.config.store_type == "cookie" else _RECORD

    @serializer.setter
    def serializer(self, _: object) -> None:
        raise ConfigError(
            "the format of a session is fixed: leave session_interface.serializer as it is, and "
            "store plain data made from your own objects (see SESSION_SERIALIZATION_FORMAT)"
        )

    def regenerate(self, session: Any) -> None:
        """Do the same as `session.regenerate()`, in the form of Flask-Session's interface."""
        session.regenerate()

    def get_cookie_name(self, app: Any) -> str:  # noqa: ARG002  # Flask's signature, as below
        """Return the name of the session cookie."""
        return self._cookie.name

    def get_cookie_domain(self, app: Any) -> str | None:  # noqa: ARG002
        """Return the cookie's Domain; None for this host only."""
        return self._cookie.domain

    def get_cookie_path(self, app: Any) -> str:  # noqa: ARG002
        """Return the cookie's Path."""
        return self._cookie.path

    def get_cookie_httponly(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether the cookie is hidden from scripts."""
        return self._cookie.httponly

    def get_cookie_secure(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether the cookie is sent over HTTPS only."""
        return self._cookie.secure

    def get_cookie_samesite(self, app: Any) -> Any:  # noqa: ARG002  # Quart says str
        """Return the cookie's SameSite as it is sent, None if it is not sent."""
        return self._cookie.samesite

    def get_cookie_partitioned(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether the cookie is Partitioned."""
        return self._cookie.partitioned

    @property
    def _cookie(self) -> Attributes:
        return self.app_sessions.cookie
