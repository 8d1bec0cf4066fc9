"""Decide which other cookies a response deletes, besides the session's own one. Pure."""

from __future__ import annotations

import enum
from typing import NamedTuple

from .cookie import CookieAction, DropCookie
from .scopes import Address


class Old(enum.Enum):
    """How another library's cookie in the request is treated."""

    LEFT = enum.auto()
    DROPPED_AFTER_OURS = enum.auto()  # if the response deletes ours
    DROPPED_WITH_OURS = enum.auto()  # if the response sends or deletes ours
    DROPPED = enum.auto()

    def drops(self, ours: CookieAction) -> bool:
        """Return whether the response deletes the old cookie; `action` is for the session's own."""
        if self is Old.DROPPED_AFTER_OURS:
            return isinstance(ours, DropCookie)
        return self is Old.DROPPED or (self is Old.DROPPED_WITH_OURS and ours is not None)


class Deleted(NamedTuple):
    """The cookies that a response deletes: ours in other scopes, and another library's."""

    elsewhere: Address | None = None
    old: bool = False


class Cleanup(NamedTuple):
    """Cookies to delete; `several_at` is the address of a request with several tokens."""

    several_at: Address | None = None
    old: Old = Old.LEFT

    def deleted(self, cookie: CookieAction, *, new: bool) -> Deleted | None:
        """Return the cookies to delete, given the action for the session's own; None for nothing.

        The token of the live session may be in one of the other scopes. So nothing is deleted there
        unless the response sends or deletes the session's cookie, or the session is new.
        """
        elsewhere = self.several_at if cookie is not None or new else None
        old = self.old.drops(cookie)
        return Deleted(elsewhere, old) if old or elsewhere is not None else None
