"""Which cookies a response deletes besides what becomes of its session's own. Pure."""

from __future__ import annotations

import enum
from typing import NamedTuple

from .cookie import CookieAction, DropCookie
from .scopes import Address


class Old(enum.Enum):
    """What becomes of another library's cookie that the request brought."""

    LEFT = enum.auto()
    DROPPED_AFTER_OURS = enum.auto()  # if the response deletes ours
    DROPPED_WITH_OURS = enum.auto()  # if the response sends or deletes ours
    DROPPED = enum.auto()

    def drops(self, ours: CookieAction) -> bool:
        """Return whether a response that does so to the session's own cookie deletes the old."""
        if self is Old.DROPPED_AFTER_OURS:
            return isinstance(ours, DropCookie)
        return self is Old.DROPPED or (self is Old.DROPPED_WITH_OURS and ours is not None)


class Deleted(NamedTuple):
    """What a response deletes: our cookie in the scopes but its own, and another library's."""

    elsewhere: Address | None = None
    old: bool = False


class Cleanup(NamedTuple):
    """What there is to delete; `several_at`: where a request with several tokens was sent to."""

    several_at: Address | None = None
    old: Old = Old.LEFT

    def deleted(self, cookie: CookieAction, *, new: bool) -> Deleted | None:
        """Return what a response that does so to the session's own cookie deletes; None: nothing.

        The token of the live session may be in one of the other scopes: unless the response
        sends or deletes the cookie, or the session is new, nothing is deleted there.
        """
        elsewhere = self.several_at if cookie is not None or new else None
        old = self.old.drops(cookie)
        return Deleted(elsewhere, old) if old or elsewhere is not None else None
