"""Changes that a request makes to the account of its session. Pure.

             owner      label      authenticated   absolute timeout   secret
    bind     given      given      now             starts again        new
    unbind   removed    removed    never           continues            new
    confirm  stays      stays      now             starts again        new
    adopt    given, if  given,     never           goes on            as the caller
             none       with that                                     says

The last change of a request counts, with two exceptions: a confirmation does not replace a
login, and an adoption is only for a session without an owner.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeAlias

UNBINDABLE = (
    "this store cannot list or revoke a user's sessions, so it cannot bind one: choose another "
    'store, such as SESSION_TYPE = "filesystem"'
)


@dataclass(frozen=True, slots=True)
class Bound:
    """The session gets an owner; `label` is what the user knows it by, such as a device.

    `at_most`: how many sessions the owner keeps, this one included; None: as the settings say.
    """

    owner: str = field(repr=False)
    label: str | None = field(default=None, repr=False)
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """The session gets the owner that another library has logged in."""

    owner: str = field(repr=False)
    label: str | None = field(default=None, repr=False)


class Kept(enum.Enum):
    """The account stays, with a change to it."""

    UNBOUND = enum.auto()
    CONFIRMED = enum.auto()


AccountChange: TypeAlias = Bound | Adopted | Kept


def after(before: AccountChange | None, change: AccountChange) -> AccountChange:
    """Return the combination of two changes, one after the other."""
    match before, change:
        case Bound(), Adopted() | Kept.CONFIRMED:
            return before
        case Adopted(owner, label), Kept.CONFIRMED:
            return Bound(owner, label)
        case _:
            return change


def owner_after(change: AccountChange | None, before: str | None) -> str | None:
    """Return the owner of a session after a change; `before` is its owner until then."""
    if isinstance(change, Bound):
        return change.owner
    if isinstance(change, Adopted):
        return change.owner if before is None else before
    return None if change is Kept.UNBOUND else before
