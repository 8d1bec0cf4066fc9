"""What a record says of its device, and what requests make of that, one after the other."""

from __future__ import annotations

import hashlib
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.device_binding import (
    CHALLENGE_LIFE,
    DAMAGED,
    MOST_CHALLENGES,
    OFFER_LIFE,
    Binding,
    Challenge,
    Device,
    DeviceChange,
    Issue,
    Offer,
    Offered,
    Proof,
    Registration,
    challenge_hash,
    changed,
    device_in,
    draw_challenge,
    encoded,
    is_answered_by,
    is_bound,
    is_done,
    next_fields,
    with_device,
)
from samesession.core.policy import SKEW
from samesession.core.record import DEVICE, PASSING, Fields

from .parts import NOW, Counter, record, signer

TOKEN = signer().mint().token
KEY = b'{"crv":"P-256","kty":"EC","x":"...","y":"..."}'
OFFERED = Offered(challenge_hash("offer"), NOW)
BINDING = Binding("ES256", KEY, challenge_hash("offer"), NOW, NOW)
REGISTRATION = Registration("ES256", KEY, challenge_hash("offer"), NOW)
HELD = Challenge(challenge_hash("one"), NOW, demanded=False)
CHALLENGED = Binding("ES256", KEY, challenge_hash("offer"), NOW, NOW, (HELD,))
U63 = st.integers(0, 2**63 - 1)
CHALLENGES = st.builds(Challenge, st.binary(max_size=30), U63, st.booleans())
DEVICES = st.builds(Offered, st.binary(max_size=30), U63) | st.builds(
    Binding,
    st.text(max_size=10),
    st.binary(max_size=100),
    st.binary(max_size=30),
    U63,
    U63,
    st.lists(CHALLENGES, max_size=3).map(tuple),
)
CHANGES: list[DeviceChange] = [
    Offer("offer", NOW),
    REGISTRATION,
    Issue("two", NOW),
    Proof(challenge_hash("one"), NOW),
]


def fields(*found: Any) -> Fields:
    return tuple(found)


# --- as it is stored --------------------------------------------------------------------


@given(DEVICES)
def test_a_record_says_what_was_written(device: Offered | Binding) -> None:
    assert device_in(with_device((), device)) == device


def test_what_records_hold_is_for_ever() -> None:
    """A change here frees every bound session, or locks it out."""
    assert encoded(OFFERED) == ormsgpack.packb([challenge_hash("offer"), NOW])
    assert encoded(CHALLENGED) == ormsgpack.packb(
        ["ES256", KEY, challenge_hash("offer"), NOW, NOW, [[HELD.hash, NOW, False]]]
    )
    assert challenge_hash("offer") == hashlib.sha256(b"offer").digest()[:24]
    assert DEVICE == 5
    assert BINDING.thumbprint == hashlib.sha256(KEY).digest()


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xff",
        ormsgpack.packb({}),
        ormsgpack.packb([]),
        ormsgpack.packb([b"hash"]),
        ormsgpack.packb([b"hash", "now"]),
        ormsgpack.packb([b"hash", True]),
        ormsgpack.packb(["ES256", KEY, b"", 1, 2, []])[:-1],
        ormsgpack.packb(["ES256", KEY, b"", 1, 2, [[b"", 1]]]),
        ormsgpack.packb(["ES256", KEY, b"", 1, 2, [b""]]),
        ormsgpack.packb(["ES256", KEY, b"", 1, 2, [], 3]),
        ormsgpack.packb([None, KEY, b"", 1, 2, []]),
    ],
)
def test_what_cannot_be_read_is_neither_an_offer_nor_nothing(packed: bytes) -> None:
    found = fields((DEVICE, packed))
    assert device_in(found) == DAMAGED
    assert not is_bound(record(TOKEN, fields=found))
    assert [changed(DAMAGED, each) for each in CHANGES] == [DAMAGED] * len(CHANGES)
    # It stays as it is, byte by byte, until the session has a new owner.
    assert next_fields(found, CHANGES[0], drops=False) == found
    assert next_fields(found, None, drops=True) == ()


@given(st.binary(max_size=60))
def test_any_bytes_are_something(packed: bytes) -> None:
    assert device_in(fields((DEVICE, packed))) is not None


def test_other_fields_stay_where_they_are() -> None:
    others = fields((PASSING, b"1"), (9, b"9"))
    assert device_in(others) is None
    assert with_device(others, OFFERED) == (*others, (DEVICE, encoded(OFFERED)))
    assert with_device(with_device(others, OFFERED), BINDING)[-1] == (DEVICE, encoded(BINDING))
    assert with_device(with_device(others, OFFERED), None) == others
    assert next_fields(others, None, drops=True) == others


def test_only_a_key_binds() -> None:
    assert not is_bound(record(TOKEN))
    assert not is_bound(record(TOKEN, fields=with_device((), OFFERED)))
    assert is_bound(record(TOKEN, fields=with_device((), BINDING)))


def test_challenges_are_drawn_and_held_as_hashes() -> None:
    entropy = Counter()
    one, two = draw_challenge(entropy), draw_challenge(entropy)
    assert one != two
    assert len(one) == 43
    assert challenge_hash(one).hex() not in repr([OFFERED, BINDING, Issue(one, NOW)])
    assert one not in repr([Offer(one, NOW), Issue(one, NOW)])
    assert len(challenge_hash("\ud800")) == 24


# --- changes ----------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, OFFERED])
def test_a_newer_offer_takes_the_place_of_an_older_one(before: Device | None) -> None:
    assert changed(before, Offer("newer", NOW + 1)) == Offered(challenge_hash("newer"), NOW + 1)


@pytest.mark.parametrize("before", [BINDING, CHALLENGED])
def test_a_bound_session_takes_no_second_key(before: Device) -> None:
    assert changed(before, Offer("newer", NOW)) is before
    other = Registration("RS256", b"another", challenge_hash("offer"), NOW)
    assert changed(before, other) is before


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        (NOW - SKEW - 1, False),
        (NOW - SKEW, True),
        (NOW + OFFER_LIFE, True),
        (NOW + OFFER_LIFE + 1, False),
    ],
)
def test_an_offer_is_answered_in_time(now: int, stands: bool) -> None:
    registration = Registration("ES256", KEY, challenge_hash("offer"), now)
    expected = Binding("ES256", KEY, challenge_hash("offer"), now, now) if stands else OFFERED
    assert changed(OFFERED, registration) == expected
    assert is_answered_by(OFFERED, "offer", now) == stands
    assert not is_answered_by(OFFERED, "another", now)


def test_nothing_is_bound_that_was_not_offered() -> None:
    assert changed(None, REGISTRATION) is None
    newer = Offered(challenge_hash("newer"), NOW)
    assert changed(newer, REGISTRATION) is newer


def test_the_newest_two_challenges_stand() -> None:
    device: Device | None = BINDING
    for name in ("one", "two", "three", "three"):
        device = changed(device, Issue(name, NOW, demanded=name == "two"))
    assert isinstance(device, Binding)
    assert device.challenges == (
        Challenge(challenge_hash("two"), NOW, demanded=True),
        Challenge(challenge_hash("three"), NOW, demanded=False),
    )
    assert len(device.challenges) == MOST_CHALLENGES
    assert [device.standing(name, NOW) is not None for name in ("one", "two", "three")] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("before", [None, OFFERED])
@pytest.mark.parametrize("change", CHANGES[2:])
def test_only_a_bound_session_has_challenges(before: Device | None, change: DeviceChange) -> None:
    assert changed(before, change) is before


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        (NOW - SKEW - 1, False),
        (NOW - SKEW, True),
        (NOW + CHALLENGE_LIFE, True),
        (NOW + CHALLENGE_LIFE + 1, False),
    ],
)
def test_a_challenge_is_answered_in_time(now: int, stands: bool) -> None:
    after = changed(CHALLENGED, Proof(challenge_hash("one"), now))
    assert (after is not CHALLENGED) == stands == (CHALLENGED.standing("one", now) is not None)


def test_a_proof_counts_once() -> None:
    proof = Proof(challenge_hash("one"), NOW + 5)
    after = changed(CHALLENGED, proof)
    assert after == Binding("ES256", KEY, challenge_hash("offer"), NOW, NOW + 5)
    assert changed(after, proof) is after
    assert (is_done(proof, CHALLENGED, after), is_done(proof, after, after)) == (True, False)


def test_a_proof_by_a_clock_behind_takes_none_back() -> None:
    later = Binding("ES256", KEY, challenge_hash("offer"), NOW, NOW + 50, (HELD,))
    after = changed(later, Proof(challenge_hash("one"), NOW + 5))
    assert isinstance(after, Binding)
    assert (after.proved_at, after.challenges) == (NOW + 50, ())


@pytest.mark.parametrize("before", [OFFERED, BINDING, DAMAGED])
def test_a_new_owner_has_the_session_on_no_device(before: Offered | Binding) -> None:
    held = with_device((), before)
    assert next_fields(held, None, drops=False) is held
    assert next_fields(held, None, drops=True) == ()
    for change in CHANGES[1:]:
        assert next_fields(held, change, drops=True) == ()
    newer = Offer("newer", NOW)
    assert device_in(next_fields(held, newer, drops=True)) == changed(None, newer)


@pytest.mark.parametrize(
    ("change", "after", "done"),
    [
        (Offer("offer", NOW), OFFERED, True),
        (Offer("newer", NOW), OFFERED, False),
        (Offer("offer", NOW), BINDING, False),
        (REGISTRATION, BINDING, True),
        (REGISTRATION, Binding("ES256", b"another", challenge_hash("offer"), NOW, NOW), False),
        (REGISTRATION, Binding("RS256", KEY, challenge_hash("offer"), NOW, NOW), False),
        (REGISTRATION, Binding("ES256", KEY, challenge_hash("newer"), NOW, NOW), False),
        (REGISTRATION, OFFERED, False),
        (REGISTRATION, None, False),
        (Issue("one", NOW), CHALLENGED, True),
        (Issue("two", NOW), CHALLENGED, False),
        (Issue("one", NOW), None, False),
        (Proof(challenge_hash("one"), NOW), None, False),
    ],
)
def test_what_was_saved_says_whether_a_change_stands(
    change: DeviceChange, after: Device | None, done: bool
) -> None:
    assert is_done(change, None, after) == done
