"""Read the sessions that Flask and Quart themselves keep in a signed cookie. Pure.

What SESSION_TYPE "cookie" wrote is read as well, with the types that Flask has no tag for. What
an application has changed of its own interface, such as the salt, the digest or the tags, cannot
be known: such a cookie is none, and a session with a tag of the application's own is no session.
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
    """Does what `core.old_sessions` asks for."""

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
        """`lifetime`: PERMANENT_SESSION_LIFETIME, by which the frameworks judge all of them."""
        del prefix, signed  # nothing is filed, and there is always a signature
        self._format = SignedFormat(secret_keys, max_bytes, clock=lambda: 0.0)
        self._lifetime = lifetime

    def presented(self, value: str, now: float) -> Presented | None:
        """Return the session in a cookie's value.

        Its id is what was signed: the signature has many spellings, and each would pass for
        another cookie. Raises BadRecord for what is signed and holds no session.
        """
        proved = self._format.proved(value)
        if proved is None or not policy.is_of_age(proved.written, now, self._lifetime):
            return None
        data = kept(loads_foreign(self._format.text_in(proved.payload), tags_of_ours=True))
        return Presented(proved.signed.decode("ascii"), data, proved.written + self._lifetime + 1)

    def data(self, raw: bytes) -> dict[str, Any]:
        """Raise BadRecord: nothing is filed under the id of a cookie that holds its session."""
        del raw
        raise BadRecord("no store has the sessions of a signed cookie")
