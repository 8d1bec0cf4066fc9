"""Read the sessions of Quart-Session 3.0: Flask's tagged JSON under a UUID. Pure.

Quart-Session stores each visitor's address under `_addr`. It is left out: samesession has no
counterpart to SESSION_PROTECTION, and stores no address unless an application wants it. Everything
else comes back as from the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.cookie_only.tagged_json import loads_foreign
from ..core.old_sessions import Presented
from ..errors import BadRecord
from .kept import checked_size, kept
from .old_ids import OldIds

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"  # str(uuid4())
_ADDRESS = "_addr"


class QuartSessionReader:
    """Implements `core.old_sessions`."""

    library = "quart-session"

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        *,
        prefix: str,
        lifetime: int,
        max_bytes: int,
        signed: bool = False,
    ) -> None:
        """`signed`: the library was told to sign ids, so a bare id is refused."""
        del lifetime  # a store expires its sessions itself
        self._ids = OldIds(_ID, secret_keys, salt=self.library, prefix=prefix, signed=signed)
        self._max_bytes = max_bytes

    def presented(self, value: str, now: float) -> Presented | None:
        """Return the session that a cookie's value names."""
        del now
        key = self._ids.key_in(value)
        return None if key is None else Presented(key)

    def data(self, raw: bytes) -> dict[str, Any]:
        """Return a session's data; raise BadRecord."""
        try:
            text = checked_size(raw, self._max_bytes).decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadRecord("its data cannot be decoded") from error
        data = kept(loads_foreign(text, tags_of_ours=False))
        _ = data.pop(_ADDRESS, None)
        return data
