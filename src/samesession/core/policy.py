"""Decide whether a record is alive, and what happens to a session. Depends on facts only."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .record import Record
from .store import Lifetimes
from .token import Token, same_secret

SKEW = 60  # seconds by which the clocks of two nodes may differ


@dataclass(frozen=True, slots=True)
class Limit:
    """How many sessions an owner may have; `refuses`: refuse another login, or end the oldest."""

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
    """The longest idle timeout so far, in seconds, and the moment when it grew.

    Notes on a session must outlive it, though its timeout may be lengthened later.
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
    """The value of a stored record to the bearer of a token."""

    LIVE = enum.auto()
    EXPIRED = enum.auto()
    UNKNOWN = enum.auto()


def opens(token: Token, record: Record) -> bool:
    """Return whether a record is the one that a token's bearer may use, alive or not."""
    return record.sid == token.sid and same_secret(token, record.secret_hash)


def verdict(record: Record, token: Token, now: float) -> Verdict:
    """Judge a record that a store returned for a token's sid."""
    if not opens(token, record):
        return Verdict.UNKNOWN
    return Verdict.EXPIRED if is_over(record, now) else Verdict.LIVE


def is_over(record: Record, now: float) -> bool:
    """Return whether a session has expired."""
    if record.deadline and now >= record.deadline:
        return True
    # It began, or the user authenticated, in the future: another clock was fast, or this one was
    # set back. Either way the session would live longer, or count as fresher, than it may.
    return max(record.created, record.auth_time) > now + SKEW


def is_of_age(written: int, now: float, max_age: int) -> bool:
    """Return whether a cookie that holds a session, written at this moment, counts now."""
    # Another node may have written it, and its clock may be fast.
    return -SKEW <= int(now) - written <= max_age


class Action(enum.Enum):
    """The action for a session's record when the response is made."""

    LEAVE = enum.auto()
    CREATE = enum.auto()
    COMMIT = enum.auto()
    DELETE = enum.auto()


def action(*, stored: bool, is_empty: bool, changed: bool) -> Action:
    """Choose the action for the record; `is_empty`: the session has neither data nor owner."""
    if not stored:
        return Action.LEAVE if is_empty or not changed else Action.CREATE
    if is_empty:
        return Action.DELETE if changed else Action.LEAVE
    return Action.COMMIT if changed else Action.LEAVE


def deadline(now: int, rules: Rules) -> int:
    """Return when a session that authenticates now ends in any case; 0 for never."""
    return 0 if rules.absolute is None else now + rules.absolute


def sends_cookie(*, modified: bool, permanent: bool, rules: Rules) -> bool:
    """Return the same as Flask's `should_set_cookie`."""
    return modified or (permanent and rules.refresh_each_request)
