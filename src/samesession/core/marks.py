"""Write and read the mark where a list of all sessions continues. Pure.

A mark holds keys that are known already, and the store's own cursor for the rest. It may come from
a visitor, and a store could not check it. So it is authenticated, and only unchanged marks reach a
store.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from ..errors import InvalidName
from .names import is_sid
from .record import MAC_BYTES, Sealer
from .store import KeyPage

_LONGEST = 100_000  # characters: many times the rest of a page


class Marks:
    """Writes and reads the marks of an application."""

    def __init__(self, sealer: Sealer, prefix: str) -> None:
        self._sealer = sealer
        self._prefix = prefix

    def spelt(self, rest: KeyPage | None) -> str | None:
        """Return the mark for the rest of a walk; None if nothing is left."""
        if rest is None:
            return None
        sids = [sid for key in rest.keys if is_sid(sid := key.removeprefix(self._prefix))]
        text = json.dumps([rest.after, sids], separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sealer.tag(text) + text).decode().rstrip("=")

    def read(self, mark: object) -> KeyPage | None:
        """Return the rest that a mark describes; None for the first page. Raises InvalidName."""
        if mark is None:
            return None
        if type(mark) is str and len(mark) <= _LONGEST and mark.isascii():
            raw = _decoded(mark)
            tag, text = raw[:MAC_BYTES], raw[MAC_BYTES:]
            if self._sealer.has_tagged(tag, text):
                found: Any = json.loads(text)
                after, sids = found
                return KeyPage([self._prefix + sid for sid in sids], after)
        raise InvalidName("all_sessions() takes as `after` the `after` of the page before, or None")


def _decoded(mark: str) -> bytes:
    try:
        return urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
    except ValueError:
        return b""
