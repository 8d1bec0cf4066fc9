"""Spell where a list of all sessions goes on, and read it again. Pure.

A mark holds keys that are known already, and the store's own word for what comes behind them.
It may come from a visitor, and no store could check it. So it is authenticated, and in no other
form than it was given in does it reach one.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from ..errors import InvalidName
from .names import is_sid
from .record import MAC_BYTES, Sealer
from .store import KeyPage

_LONGEST = 100_000  # characters: many times what a page leaves over


class Marks:
    """Spells and reads the marks of an application."""

    def __init__(self, sealer: Sealer, prefix: str) -> None:
        self._sealer = sealer
        self._prefix = prefix

    def spelt(self, rest: KeyPage | None) -> str | None:
        """Return the mark of what is left of a walk; None where nothing is."""
        if rest is None:
            return None
        sids = [sid for key in rest.keys if is_sid(sid := key.removeprefix(self._prefix))]
        text = json.dumps([rest.after, sids], separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sealer.tag(text) + text).decode().rstrip("=")

    def read(self, mark: object) -> KeyPage | None:
        """Return what a mark says is left; None for the first page. Raises InvalidName."""
        if mark is None:
            return None
        if type(mark) is str and len(mark) <= _LONGEST and mark.isascii():
            raw = _decoded(mark)
            tag, text = raw[:MAC_BYTES], raw[MAC_BYTES:]
            if self._sealer.has_tagged(tag, text):
                found: Any = json.loads(text)
                after, sids = found
                return KeyPage([self._prefix + sid for sid in sids], after)
        raise InvalidName(
            "all_sessions() takes as `after` what the page before has as its `after`, or None"
        )


def _decoded(mark: str) -> bytes:
    try:
        return urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
    except ValueError:
        return b""
