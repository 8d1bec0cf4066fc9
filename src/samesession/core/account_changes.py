"""What a request does to the account of its session. Pure.

             owner      label      authenticated   absolute timeout   secret
    bind     given      given      now             begins anew        new
    unbind   nobody     none       never           goes on            new
    confirm  stays      stays      now             begins anew        new
    adopt    given, if  given,     never           goes on            as the caller
             nobody     with that                                     says

The last one of a request counts, but that a confirmation leaves a login what it is, and an
adoption is for a session that is nobody's.
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
    """The session is an owner's from now on; `label`: what they know it by, such as a device.

    `at_most`: how many sessions the owner keeps, this one counted; None: as the settings say.
    """

    owner: str = field(repr=False)
    label: str | None = field(default=None, repr=False)
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """The session is its owner's from now on, who was logged in by another library."""

    owner: str = field(repr=False)
    label: str | None = field(default=None, repr=False)


class Kept(enum.Enum):
    """What is done to the account that there is."""

    UNBOUND = enum.auto()
    CONFIRMED = enum.auto()


AccountChange: TypeAlias = Bound | Adopted | Kept


def after(before: AccountChange | None, change: AccountChange) -> AccountChange:
    """Return what two changes come to, one after the other."""
    match before, change:
        case Bound(), Adopted() | Kept.CONFIRMED:
            return before
        case Adopted(owner, label), Kept.CONFIRMED:
            return Bound(owner, label)
        case _:
            return change


def owner_after(change: AccountChange | None, before: str | None) -> str | None:
    """Return the owner of a session after a change, that had the owner `before`."""
    if isinstance(change, Bound):
        return change.owner
    if isinstance(change, Adopted):
        return change.owner if before is None else before
    return None if change is Kept.UNBOUND else before
