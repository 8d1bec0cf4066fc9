"""A sealed record opens only whole, unforged, under its own key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession import BadRecord, SessionTooLarge
from samesession.core.record import Record, lifetime_of, revision_of
from samesession.core.store import Lifetimes

from .parts import NOW, RULES, record, sealer, signer

TOKEN = signer().mint().token
KEY = "session:" + TOKEN.sid
U64 = st.integers(0, 2**64 - 1)
RECORDS = st.builds(
    record,
    st.just(TOKEN),
    revision=U64,
    permanent=st.booleans(),
    created=U64,
    deadline=U64,
    auth_time=U64,
    indexed=U64,
    owner=st.none() | st.text(min_size=1, max_size=50),
    payload=st.binary(max_size=100),
)
OWNED = record(TOKEN, owner="alice", payload=b"\x81\xa1a\x01", permanent=True, deadline=NOW + 9)


@given(RECORDS)
def test_a_record_opens_to_what_was_sealed(sealed: Record) -> None:
    raw = sealer().seal(KEY, sealed)
    assert sealer().open(KEY, raw) == sealed
    assert revision_of(raw) == sealed.revision_bytes
    lifetimes = Lifetimes(browser=1, permanent=2)
    assert lifetime_of(raw, lifetimes) == (2 if sealed.permanent else 1)


def test_a_record_with_any_bit_flipped_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for at in range(len(raw)):
        for bit in range(8):
            with pytest.raises(BadRecord):
                sealer().open(KEY, raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])


def test_a_record_truncated_anywhere_or_longer_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for end in range(len(raw)):
        with pytest.raises(BadRecord):
            sealer().open(KEY, raw[:end])
        with pytest.raises(BadRecord):
            sealer().open(KEY, raw[end + 1 :])
    with pytest.raises(BadRecord):
        sealer().open(KEY, raw + b"\0")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bad_record(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        sealer().open(KEY, raw)


def test_a_record_copied_to_another_key_is_refused() -> None:
    """CVE-like: an operator of the store moves the administrator's record to his own sid."""
    raw = sealer().seal(KEY, OWNED)
    for key in ("session:" + "A" * 22, KEY + "A", "", KEY.lower()):
        with pytest.raises(BadRecord, match="authentic"):
            sealer().open(key, raw)


def test_a_record_of_another_application_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for other in (sealer(prefix="other:"), sealer(name="other"), sealer(b"another secret!!")):
        with pytest.raises(BadRecord, match="authentic"):
            other.open(KEY, raw)


def test_a_fallback_key_opens_and_never_seals() -> None:
    newest, older = b"the newest key 1", b"an older key 222"
    both = sealer(newest, older)
    assert both.open(KEY, sealer(older).seal(KEY, OWNED)) == OWNED._replace(stale=True)
    assert both.open(KEY, both.seal(KEY, OWNED)) == OWNED
    assert sealer(newest).open(KEY, both.seal(KEY, OWNED)) == OWNED
    with pytest.raises(BadRecord):
        sealer(older).open(KEY, both.seal(KEY, OWNED))


def test_a_record_up_to_the_limit_is_sealed_and_none_above_it() -> None:
    room = RULES.max_bytes - len(sealer().seal(KEY, record(TOKEN, payload=b"")))
    largest = sealer().seal(KEY, record(TOKEN, payload=b"x" * room))
    assert len(largest) == RULES.max_bytes
    assert sealer().open(KEY, largest).payload == b"x" * room
    with pytest.raises(SessionTooLarge, match="SESSION_MAX_BYTES") as caught:
        sealer().seal(KEY, record(TOKEN, payload=b"x" * (room + 1)))
    assert (caught.value.size, caught.value.limit) == (RULES.max_bytes + 1, RULES.max_bytes)


def test_a_record_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadRecord, match="size"):
        sealer().open(KEY, b"\0" * (RULES.max_bytes + 1))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:9] + b"\x02" + body[10:],  # a format of the future
        lambda body: body[:90] + b"\xff\xff" + body[92:],  # an owner longer than the record
        lambda body: body[:92] + b"\xff" + body[93:],  # an owner that is no text
    ],
)
def test_a_record_that_is_ours_but_unreadable_is_refused(spoil: Any) -> None:
    """Sealed with the right key, as a later version of this package could."""
    from samesession.core.record import _tag

    ours = sealer()
    body = spoil(ours.seal(KEY, OWNED)[:-32])
    with pytest.raises(BadRecord):
        ours.open(KEY, body + _tag(ours._macs[0], KEY, body))


def test_no_payload_and_no_hash_is_in_a_repr() -> None:
    shown = repr(record(TOKEN, payload=b"canary", secret_hash=b"canary"))
    assert "canary" not in shown


def test_a_revision_beyond_64_bits_begins_anew() -> None:
    """Never reached in practice; a commit must not fail there for ever."""
    raw = sealer().seal(KEY, record(TOKEN, revision=2**64))
    assert revision_of(raw) == b"\0" * 8
