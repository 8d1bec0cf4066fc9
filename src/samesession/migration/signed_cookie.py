"""Read the sessions that Flask and Quart themselves keep in a signed cookie. Pure.

Cookies written with SESSION_TYPE "cookie" are read as well, with the types that Flask has no tag
for. An application may have changed Flask's interface, for example the salt, the digest or the
tags. Such changes cannot be known: its cookies are not read, and neither are sessions with the
application's own tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import policy
from ..core.cookie_only.signed_format import SignedFormat
from ..core.cookie_only.tagged_json import loads_foreign
from ..core.old_sessions import Presented
from ..errors import BadRecord
from .kept import kept


class SignedCookieReader:
    """Implements `core.old_sessions`."""

    library = "signed-cookie"

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        *,
        prefix: str,
        lifetime: int,
        max_bytes: int,
        signed: bool = False,
    ) -> None:
        """`lifetime`: PERMANENT_SESSION_LIFETIME, which the frameworks apply to all sessions."""
        del prefix, signed  # nothing is filed, and there is always a signature
        self._format = SignedFormat(secret_keys, max_bytes, clock=lambda: 0.0)
        self._lifetime = lifetime

    def presented(self, value: str, now: float) -> Presented | None:
        """Return the session in a cookie's value.

        Its id is the signed part: the signature has many spellings, and each would look like
        another cookie. Raises BadRecord for a signed value that is not a session.
        """
        proved = self._format.proved(value)
        if proved is None or not policy.is_of_age(proved.written, now, self._lifetime):
            return None
        data = kept(loads_foreign(self._format.text_in(proved.payload), tags_of_ours=True))
        return Presented(proved.signed.decode("ascii"), data, proved.written + self._lifetime + 1)

    def data(self, raw: bytes) -> dict[str, Any]:
        """Raise BadRecord: a cookie that holds its session has nothing filed under its id."""
        del raw
        raise BadRecord("no store has the session of a signed cookie")
