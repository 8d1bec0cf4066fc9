"""Select the readers of other libraries' sessions by the names in SESSION_MIGRATE_FROM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.old_sessions import OldSessions
from .flask_session import FlaskSessionReader
from .quart_session import QuartSessionReader
from .signed_cookie import SignedCookieReader

_READERS = {
    each.library: each for each in (FlaskSessionReader, QuartSessionReader, SignedCookieReader)
}
LIBRARIES = tuple(_READERS)


def readers(
    libraries: Iterable[str],
    secret_keys: Sequence[bytes],
    *,
    prefix: str,
    lifetime: int,
    max_bytes: int,
    signed: bool = False,
) -> tuple[OldSessions, ...]:
    """Return the readers of some of LIBRARIES, in their order.

    `secret_keys`: newest first. `prefix`: that of the libraries' keys in a store. `lifetime`:
    PERMANENT_SESSION_LIFETIME in seconds. `signed`: the libraries signed their ids.
    """
    return tuple(
        _READERS[each](
            secret_keys, prefix=prefix, lifetime=lifetime, max_bytes=max_bytes, signed=signed
        )
        for each in libraries
    )
