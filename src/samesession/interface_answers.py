"""What extensions and recipes ask of `app.session_interface`, answered alike in both frameworks."""

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

    `dumps` raises TypeError for what cannot be stored, `loads` BadRecord.
    """

    dumps: Callable[[Data], Any]  # Any: bytes, or text for a cookie
    loads: Callable[[Any], Data]

    @property
    def encode(self) -> Callable[[Data], Any]:
        """The name that Flask-Session has for `dumps`."""
        return self.dumps

    @property
    def decode(self) -> Callable[[Any], Data]:
        """The name that Flask-Session has for `loads`."""
        return self.loads


_RECORD = Serializer(codec.encode, codec.decode)
_COOKIE = Serializer(tagged_json.dumps, tagged_json.loads)


class Answers:
    """The part of an interface that is no opening and no saving; `app` is the interface's own."""

    app_sessions: AppSessions

    @property
    def serializer(self) -> Serializer:
        """What writes and reads the data of this application's sessions."""
        return _COOKIE if self.app_sessions.config.store_type == "cookie" else _RECORD

    @serializer.setter
    def serializer(self, _: object) -> None:
        raise ConfigError(
            "the format of a session is fixed: leave session_interface.serializer as it is, and "
            "store plain data made from objects of your own (see SESSION_SERIALIZATION_FORMAT)"
        )

    def regenerate(self, session: Any) -> None:
        """Do what `session.regenerate()` does, as Flask-Session's interface has it."""
        session.regenerate()

    def get_cookie_name(self, app: Any) -> str:  # noqa: ARG002  # Flask's signature, as below
        """Return the name of the session cookie."""
        return self._cookie.name

    def get_cookie_domain(self, app: Any) -> str | None:  # noqa: ARG002
        """Return the cookie's Domain; None for this host alone."""
        return self._cookie.domain

    def get_cookie_path(self, app: Any) -> str:  # noqa: ARG002
        """Return the cookie's Path."""
        return self._cookie.path

    def get_cookie_httponly(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether scripts cannot read the cookie."""
        return self._cookie.httponly

    def get_cookie_secure(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether the cookie is sent over HTTPS alone."""
        return self._cookie.secure

    def get_cookie_samesite(self, app: Any) -> Any:  # noqa: ARG002  # Quart says str
        """Return the cookie's SameSite as it is sent, None where it is not."""
        return self._cookie.samesite

    def get_cookie_partitioned(self, app: Any) -> bool:  # noqa: ARG002
        """Return whether the cookie is Partitioned."""
        return self._cookie.partitioned

    @property
    def _cookie(self) -> Attributes:
        return self.app_sessions.cookie
