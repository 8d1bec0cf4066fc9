"""The device that a session is bound to: its field in the record, and changes to it. Pure.

The extension field DEVICE of a record is a MessagePack array of one of two forms:

    Offered    hash of a challenge, when it was offered
    Binding    algorithm, public key, hash of the challenge that it answered, when it was bound,
               when it was proved last, and of each of the last two challenges: its hash, when it
               was issued, whether a view has demanded it

A change is applied to the current record when it is saved, even after a faster request:

    change         on a record that                              makes it
    Offer          is not bound                                  hold this offer alone
    Registration   holds this offer, not too old, and no key     bound by this key
    Issue          is bound                                      hold the challenge; two at most
    Proof          is bound, and holds the challenge, not too    proved then; the challenge is
                   old                                           gone, so that no proof counts twice
    any            otherwise                                     unchanged

A new owner, `unbind` and `clear` remove the field first. The public key is opaque bytes here:
the required members of a JWK, in the form of RFC 7638, so that their SHA-256 is the thumbprint.
The code that verifies signatures knows more.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias, cast

import ormsgpack

from .policy import SKEW
from .record import DEVICE, Fields, Record
from .token import Entropy, text

OFFER_LIFE = 300  # seconds in which an offer can be answered
CHALLENGE_LIFE = 120  # the same of a challenge: a TPM may take long to sign
MOST_CHALLENGES = 2  # the newest, and the one before, for what was under way
_CHALLENGE_BYTES = 32
_HASH_BYTES = 24  # as many as of a session's secret


class Challenge(NamedTuple):
    """A challenge in a record; `demanded`: by a view, which needs a proof at once."""

    hash: bytes
    at: int
    demanded: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """The answer to this challenge binds the session."""

    hash: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Binding:
    """The session is bound to the device with the private key; `offer`: the answered offer."""

    algorithm: str
    key: bytes = field(repr=False)
    offer: bytes = field(repr=False)
    bound_at: int
    proved_at: int
    challenges: tuple[Challenge, ...] = ()
    thumbprint: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "thumbprint", hashlib.sha256(self.key).digest())

    def standing(self, challenge: str, now: float) -> Challenge | None:
        """Return the record's entry for a challenge, unless it is unknown, used or too old."""
        return _alive(self.challenges, challenge_hash(challenge), now)


@dataclass(frozen=True, slots=True)
class Damaged:
    """The field is damaged: the device is unknown."""


DAMAGED = Damaged()
Device: TypeAlias = Offered | Binding | Damaged


# --- changes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer to bind the session with an answer to the challenge."""

    challenge: str = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Registration:
    """Bind the session to the key that signed the answer to an offer."""

    algorithm: str
    key: bytes = field(repr=False)
    offer: bytes = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Issue:
    """Note a challenge that the response sends."""

    challenge: str = field(repr=False)
    at: int
    demanded: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """Note that the device has answered a challenge."""

    challenge: bytes = field(repr=False)
    at: int


DeviceChange: TypeAlias = Offer | Registration | Issue | Proof


def draw_challenge(entropy: Entropy) -> str:
    """Return a random challenge that no one can guess."""
    return text(entropy(_CHALLENGE_BYTES))


def challenge_hash(challenge: str) -> bytes:
    """Return the hash of a challenge for a record, whatever a browser sent as one."""
    return hashlib.sha256(challenge.encode("utf-8", "surrogatepass")).digest()[:_HASH_BYTES]


def is_answered_by(offered: Offered, challenge: str, now: float) -> bool:
    """Return whether an offer's challenge is this one, and not too old."""
    return _answers(offered, challenge_hash(challenge), now)


def changed(device: Device | None, change: DeviceChange) -> Device | None:
    """Return the result of a change to a record's field."""
    match device, change:
        case None | Offered(), Offer(challenge, at):
            return Offered(challenge_hash(challenge), at)
        case Offered(), Registration(algorithm, key, offer, at) if _answers(device, offer, at):
            return Binding(algorithm, key, offer, at, at)
        case Binding(), Issue(challenge, at, demanded):
            newest = Challenge(challenge_hash(challenge), at, demanded)
            before = [each for each in device.challenges if each.hash != newest.hash]
            return replace(device, challenges=(*before, newest)[-MOST_CHALLENGES:])
        case Binding(), Proof(challenge, at) if _alive(device.challenges, challenge, at):
            left = tuple(each for each in device.challenges if each.hash != challenge)
            return replace(device, proved_at=max(at, device.proved_at), challenges=left)
        case _:
            return device


def is_done(change: DeviceChange, before: Device | None, after: Device | None) -> bool:
    """Return whether a saved change is in the record's field `after` it."""
    match change, after:
        case Offer(challenge, _), Offered(found, _):
            return found == challenge_hash(challenge)
        case Registration(algorithm, key, offer, _), Binding():
            return (algorithm, key, offer) == (after.algorithm, after.key, after.offer)
        case Issue(challenge, _, _), Binding():
            return any(each.hash == challenge_hash(challenge) for each in after.challenges)
        case Proof(), Binding():
            return before is not after and before != after
        case _:
            return False


def _answers(offered: Offered, found: bytes, now: float) -> bool:
    return hmac.compare_digest(offered.hash, found) and _is_of_age(offered.at, now, OFFER_LIFE)


def _alive(challenges: tuple[Challenge, ...], found: bytes, now: float) -> Challenge | None:
    for each in challenges:
        if hmac.compare_digest(each.hash, found) and _is_of_age(each.at, now, CHALLENGE_LIFE):
            return each
    return None


def _is_of_age(at: int, now: float, life: int) -> bool:
    # Another node may have issued it, and its clock may be fast.
    return -SKEW <= int(now) - at <= life


# --- encoding -----------------------------------------------------------------------------


def device_of(record: Record | None) -> Device | None:
    """Return the device in a record, None for none."""
    return None if record is None else device_in(record.fields)


def device_in(fields: Fields) -> Device | None:
    """Return the device in the fields of a record, None for none."""
    for tag, packed in fields:
        if tag == DEVICE:
            return _known.get(packed) or _remembered(packed)
    return None


def is_bound(record: Record) -> bool:
    """Return whether a record's session is bound to a device."""
    return bool(record.fields) and isinstance(device_in(record.fields), Binding)


def with_device(fields: Fields, device: Device | None) -> Fields:
    """Return a record's fields with this device."""
    kept = tuple(each for each in fields if each[0] != DEVICE)
    if device is None:
        return kept
    return (*kept, (DEVICE, encoded(device)))


def next_fields(fields: Fields, change: DeviceChange | None, *, drops: bool) -> Fields:
    """Return the fields of a record's successor; `drops`: the session has a new owner, or none."""
    if change is None and not drops:
        return fields
    before = device_in(fields)
    after = None if drops else before
    if change is not None:
        after = changed(after, change)
    return fields if after is before else with_device(fields, after)


def encoded(device: Offered | Binding | Damaged) -> bytes:
    """Return the bytes of a field."""
    match device:
        case Offered(challenge, at):
            return ormsgpack.packb([challenge, at])
        case Binding():
            issued = [list(each) for each in device.challenges]
            of_key = [device.algorithm, device.key, device.offer]
            return ormsgpack.packb([*of_key, device.bound_at, device.proved_at, issued])
        case Damaged():
            return b""


_OFFERED: list[type] = [bytes, int]
_BINDING: list[type] = [str, bytes, bytes, int, int, list]
_CHALLENGE: list[type] = [bytes, int, bool]


# By equal bytes, as of most requests of one session. Not an `lru_cache`, which takes five times as
# long to answer.
_known: dict[bytes, Device] = {}
_MOST_KNOWN = 256


def _remembered(packed: bytes) -> Device:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    found = _known[packed] = _decoded(packed)
    return found


def _decoded(packed: bytes) -> Device:
    found = _list(packed)
    kinds = [*map(type, found)]
    if kinds == _OFFERED:
        return Offered(*found)
    if kinds != _BINDING:
        return DAMAGED
    algorithm, key, offer, bound_at, proved_at, issued = found
    if any(type(each) is not list or [*map(type, each)] != _CHALLENGE for each in issued):
        return DAMAGED
    challenges = tuple(Challenge(*each) for each in issued)
    return Binding(algorithm, key, offer, bound_at, proved_at, challenges)


def _list(packed: bytes) -> list[Any]:
    try:
        found: Any = ormsgpack.unpackb(packed)
    except ValueError:
        return []
    return cast("list[Any]", found) if type(found) is list else []
