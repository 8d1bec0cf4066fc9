"""Decide, from facts alone, whether a record is live and what becomes of a session."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .record import Record
from .store import Lifetimes
from .token import Token, same_secret

SKEW = 60  # seconds by which the clocks of two nodes may differ


@dataclass(frozen=True, slots=True)
class Limit:
    """How many sessions an owner may have; `refuses`: another login, or ends the oldest."""

    most: int
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide a session's life; times are whole seconds."""

    prefix: str
    lifetimes: Lifetimes
    absolute: int | None
    refresh_each_request: bool
    permanent_by_default: bool
    max_bytes: int
    limit: Limit | None = None  # of an owner's sessions


class Horizon:
    """The longest idle timeout so far, in seconds, and the moment at which it grew.

    What is noted of a session must outlive it, though its timeout may be lengthened later.
    """

    __slots__ = ("grown", "longest")

    def __init__(self) -> None:
        self.longest = 0
        self.grown = 0

    def reach(self, lifetime: int, now: float) -> None:
        """Take a timeout into account from now on."""
        if lifetime > self.longest:
            self.grown = int(now) if self.longest else 0
            self.longest = lifetime


class Verdict(enum.Enum):
    """What a stored record is worth to the bearer of a token."""

    LIVE = enum.auto()
    EXPIRED = enum.auto()
    UNKNOWN = enum.auto()


def opens(token: Token, record: Record) -> bool:
    """Return whether a record is the one that a token's bearer may use, live or not."""
    return record.sid == token.sid and same_secret(token, record.secret_hash)


def verdict(record: Record, token: Token, now: float) -> Verdict:
    """Judge a record that a store returned for a token's sid."""
    if not opens(token, record):
        return Verdict.UNKNOWN
    return Verdict.EXPIRED if is_over(record, now) else Verdict.LIVE


def is_over(record: Record, now: float) -> bool:
    """Return whether a session's time is over, whoever asks for it."""
    if record.deadline and now >= record.deadline:
        return True
    # Begun or authenticated in the future: by a clock that was ahead, or this one was set
    # back. Either way the session would live longer, or pass for fresher, than it may.
    return max(record.created, record.auth_time) > now + SKEW


def is_of_age(written: int, now: float, max_age: int) -> bool:
    """Return whether a cookie that holds a session, written at a moment, counts now."""
    # Another node may have written it, whose clock is ahead.
    return -SKEW <= int(now) - written <= max_age


class Action(enum.Enum):
    """What becomes of a session's record when the response is made."""

    LEAVE = enum.auto()
    CREATE = enum.auto()
    COMMIT = enum.auto()
    DELETE = enum.auto()


def action(*, stored: bool, is_empty: bool, changed: bool) -> Action:
    """Choose what to do with the record: `is_empty` is a session without data and owner."""
    if not stored:
        return Action.LEAVE if is_empty or not changed else Action.CREATE
    if is_empty:
        return Action.DELETE if changed else Action.LEAVE
    return Action.COMMIT if changed else Action.LEAVE


def deadline(now: int, rules: Rules) -> int:
    """Return the moment at which a session that authenticates now ends in any case; 0: never."""
    return 0 if rules.absolute is None else now + rules.absolute


def sends_cookie(*, modified: bool, permanent: bool, rules: Rules) -> bool:
    """Return what Flask's `should_set_cookie` would."""
    return modified or (permanent and rules.refresh_each_request)
