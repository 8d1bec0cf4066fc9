"""What a session was loaded from, under which terms, and how it may be lost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from . import codec, policy
from .codec import Image
from .record import Record
from .store import Clock, Lifetimes
from .token import SignedToken


class Loaded:
    """What a session was loaded from."""

    __slots__ = ("record", "sealed", "signed")

    def __init__(
        self, signed: SignedToken | None, record: Record, sealed: bytes | None = None
    ) -> None:
        """`signed`: None for a session that was named by its sid, outside of its user's requests.

        `sealed`: the record's bytes as the store holds them, where they are known.
        """
        self.signed = signed
        self.record = record
        self.sealed = sealed

    def is_of(self, record: Record) -> bool:
        """Return whether a record is the session that was loaded, whatever was written to it since.

        By the secret that the request has shown. One that was named by its sid may have got
        another secret, but no other owner: nothing of one user is written to another's session.
        """
        if self.signed is not None:
            return policy.opens(self.signed.token, record)
        return record.sid == self.record.sid and record.owner == self.record.owner

    @property
    def image(self) -> Image:
        """Each name's bytes in the record."""
        return codec.split(self.record.payload)


class Terms(NamedTuple):
    """What a record was renewed for, by which clock, and the mark of its and its cookie's key.

    Settings may change while a request runs: it ends under other terms than it began.
    """

    lifetimes: Lifetimes
    key: bytes
    clock: Clock


@dataclass(frozen=True, slots=True)
class Lost:
    """A session that ended, or was taken over by another request, while this one ran.

    `drop`: whether the browser's cookie is to be dropped; `owner`: of whoever took it over;
    `account`: the owner and the label that it had.
    """

    sid: str
    drop: bool
    owner: str | None
    account: tuple[str | None, str | None] = field(default=(None, None), repr=False)

    @property
    def how(self) -> str:
        """How it was lost, in words that follow its sid."""
        return "ended meanwhile" if self.drop else "was given another secret meanwhile"

    def gives_way_to(self, bound: str | None) -> bool:
        """Return whether a login begins a new session: no other one logged the same user in."""
        return bound is not None and bound != self.owner
