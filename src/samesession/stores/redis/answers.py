"""Read Redis's answers, in the form of redis-py or of our clients. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ...core.record import lifetime_of
from ...core.store import Conflict, DatedRecord, Foreign, Lifetimes, Outcome
from ...errors import BadRecord

_NOT_THERE = -2  # PTTL of a missing key
OTHER_TYPE = "Redis holds another type under its key"


class Misread(Exception):
    """An answer does not fit its command."""


def record(answer: object) -> bytes | None:
    if answer is None or isinstance(answer, bytes):
        return answer
    raise Misread


def dated(found: object, left: object, lifetimes: Lifetimes) -> DatedRecord | None:
    """Return a record with its PTTL; one that has expired by then counts as missing."""
    raw, milliseconds = record(found), count(left)
    if raw is None or milliseconds == _NOT_THERE:
        return None
    if milliseconds < 0:  # its expiry was removed
        return DatedRecord(raw, None, None)
    seconds = milliseconds / 1000
    return DatedRecord(raw, idle=lifetime_of(raw, lifetimes) - seconds, left=seconds)


def foreign(found: object, left: object, *, max_bytes: int, now: float) -> Foreign | None:
    """Return the beginning of another library's entry, with its PTTL."""
    if found is None or left is None:
        raise BadRecord(OTHER_TYPE)
    data, milliseconds = record(found), count(left)
    if not data or milliseconds == _NOT_THERE:
        return None
    if len(data) > max_bytes:
        raise BadRecord("its size is out of bounds")
    return Foreign(data, None if milliseconds < 0 else int(now + milliseconds / 1000))


def created(answer: object) -> bool:
    match answer:
        case True | b"OK":  # the type in redis-py, and in Redis
            return True
        case None | False:
            return False
        case _:
            raise Misread


def count(answer: object) -> int:
    if type(answer) is not int:
        raise Misread
    return answer


def keys(answer: object) -> list[str]:
    """Return an owner's keys; a key that is not text is not ours."""
    if not isinstance(answer, list):
        raise Misread
    keys: list[str] = []
    for each in cast("list[object]", answer):
        if not isinstance(each, bytes):
            raise Misread
        try:
            keys.append(each.decode("utf-8"))
        except UnicodeDecodeError:
            pass
    return keys


def page(answer: object) -> tuple[int, object]:
    """Return SCAN's answer: the next cursor, 0 at the end, and keys, which are not decoded yet."""
    if not isinstance(answer, list | tuple):
        raise Misread
    match cast("Sequence[object]", answer):
        case [bytes(position), keys] if position.isdigit():
            return int(position), keys
        case [int(position), keys]:  # in the form of redis-py
            return position, keys
        case _:
            raise Misread


def outcome(answer: object) -> Outcome | Conflict:
    match answer:
        case bytes():
            return Conflict(answer)
        case 1:
            return Outcome.WRITTEN
        case 0:
            return Outcome.GONE
        case 2:
            raise BadRecord(OTHER_TYPE)
        case _:
            raise Misread
