"""What a request does to the account of its session. Pure.

             owner      label      authenticated   absolute timeout   secret
    bind     given      given      now             begins anew        new
    unbind   nobody     none       never           goes on            new
    confirm  stays      stays      now             begins anew        new

The last one of a request counts, but that a confirmation leaves a login what it is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeAlias

UNBINDABLE = (
    "this store cannot list or revoke a user's sessions, so it cannot bind one: "
    'choose another, such as SESSION_TYPE = "filesystem"'
)


@dataclass(frozen=True, slots=True)
class Bound:
    """The session is an owner's from now on; `label`: what they know it by, such as a device."""

    owner: str = field(repr=False)
    label: str | None = field(default=None, repr=False)


class Kept(enum.Enum):
    """What is done to the account that there is."""

    UNBOUND = enum.auto()
    CONFIRMED = enum.auto()


AccountChange: TypeAlias = Bound | Kept


def after(before: AccountChange | None, change: AccountChange) -> AccountChange:
    """Return what two changes come to, one after the other."""
    if change is Kept.CONFIRMED and isinstance(before, Bound):
        return before
    return change


def owner_after(change: AccountChange | None, before: str | None) -> str | None:
    """Return the owner of a session after a change, that had the owner `before`."""
    if isinstance(change, Bound):
        return change.owner
    return None if change is Kept.UNBOUND else before
