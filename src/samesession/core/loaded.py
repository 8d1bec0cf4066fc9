"""The record that a session was loaded from, the terms, and how it may be lost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from . import codec, policy
from .codec import Image
from .record import Record
from .store import Clock, Lifetimes
from .token import SignedToken


class Loaded:
    """The record that a session was loaded from."""

    __slots__ = ("record", "sealed", "signed")

    def __init__(
        self, signed: SignedToken | None, record: Record, sealed: bytes | None = None
    ) -> None:
        """`signed`: None for a session that was opened by its sid, outside of its user's requests.

        `sealed`: the record's bytes in the store, if they are known.
        """
        self.signed = signed
        self.record = record
        self.sealed = sealed

    def is_of(self, record: Record) -> bool:
        """Return whether a record is a later version of the session that was loaded.

        The secret that the request has shown decides. A session that was opened by its sid may have
        another secret by now, but not another owner: one user's data is never written to another's
        session.
        """
        if self.signed is not None:
            return policy.opens(self.signed.token, record)
        return record.sid == self.record.sid and record.owner == self.record.owner

    @property
    def image(self) -> Image:
        """Each name's bytes in the record."""
        return codec.split(self.record.payload)


class Terms(NamedTuple):
    """The lifetimes and clock that a record was renewed with, and the marks of its keys.

    Settings may change while a request runs: it may end under other terms than it began.
    """

    lifetimes: Lifetimes
    key: bytes
    clock: Clock


@dataclass(frozen=True, slots=True)
class Lost:
    """A session that ended, or was taken over by another request, while this one ran.

    `drop`: whether the browser's cookie is deleted; `owner`: of the request that took it over;
    `account`: the owner and the label that it had.
    """

    sid: str
    drop: bool
    owner: str | None
    account: tuple[str | None, str | None] = field(default=(None, None), repr=False)

    @property
    def how(self) -> str:
        """How it was lost, in words that follow its sid."""
        return "ended meanwhile" if self.drop else "was given another secret in the meantime"

    def gives_way_to(self, bound: str | None) -> bool:
        """Return whether a login begins a new session: no other request logged the same user in."""
        return bound is not None and bound != self.owner
