"""The bound cookie proves a moment to one session under one secret, for one device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.bound_cookie import MOST_VALUES, BoundCookies, BoundProofs
from samesession.core.memo import Memo
from samesession.core.record import Record

from .parts import KEYS, NOW, record, signer

RECORD = record(signer().mint().token)
THUMBPRINT = bytes(range(32))
COOKIES = BoundCookies(KEYS, "session:", "session")
VALUE = COOKIES.value(RECORD, THUMBPRINT, NOW)


def read(*values: str, of: Record = RECORD, thumbprint: bytes = THUMBPRINT) -> int | None:
    return COOKIES.proved_at(values, of, thumbprint)


def test_a_value_says_when_the_device_was_proved() -> None:
    assert read(VALUE) == NOW
    assert VALUE.startswith(f"{NOW}.")
    assert len(VALUE) == 11 + 43
    assert read() is None


def test_a_value_is_for_ever() -> None:
    made = record(signer().mint("A" * 22).token, secret_hash=bytes(24))
    expected = "1800000000.CPRHxQlceKwOncPmgg1rmzWqSSoqX5leVQH6kOQypkE"
    assert COOKIES.value(made, THUMBPRINT, NOW) == expected


@pytest.mark.parametrize(
    "other",
    [
        RECORD._replace(sid=signer().mint("B" * 21 + "A").token.sid),
        RECORD._replace(secret_hash=bytes(24)),
    ],
    ids=["another session", "another secret"],
)
def test_a_value_is_worth_nothing_elsewhere(other: Record) -> None:
    assert read(VALUE, of=other) is None
    assert read(VALUE, of=RECORD._replace(revision=9, owner="ann", payload=b"")) == NOW


def test_a_value_is_worth_nothing_for_another_device() -> None:
    assert read(VALUE, thumbprint=bytes(32)) is None


@pytest.mark.parametrize(
    ("keys", "prefix", "name"),
    [
        ((b"another key",), "session:", "session"),
        (KEYS, "other:", "session"),
        (KEYS, "session:", "other"),
    ],
)
def test_a_value_of_another_application_is_worth_nothing(
    keys: tuple[bytes, ...], prefix: str, name: str
) -> None:
    assert read(BoundCookies(keys, prefix, name).value(RECORD, THUMBPRINT, NOW)) is None


def test_an_older_key_still_reads() -> None:
    rotated = BoundCookies((b"a newer key", *KEYS), "session:", "session")
    assert rotated.proved_at([VALUE], RECORD, THUMBPRINT) == NOW
    assert read(rotated.value(RECORD, THUMBPRINT, NOW)) is None


@given(st.integers(0, len(VALUE) - 1), st.characters(max_codepoint=300))
def test_a_value_has_one_spelling(at: int, character: str) -> None:
    spelt = VALUE[:at] + character + VALUE[at + 1 :]
    assert (read(spelt) is None) == (spelt != VALUE)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        VALUE[:-1],
        VALUE + "=",
        VALUE + "\n",
        f" {VALUE}",
        f"0{VALUE}",
        f"+{VALUE}",
        "-1" + VALUE[10:],
        "9" * 13 + VALUE[10:],
        VALUE.replace("1", "\u0661", 1),
        "x" * 5000,
    ],
)
def test_what_was_never_written_is_not_read(value: str) -> None:
    assert read(value) is None


@given(st.text(max_size=80))
def test_any_text_is_no_error(value: str) -> None:
    assert read(value) is None


def test_of_several_values_the_latest_proof_counts_and_few_are_looked_at() -> None:
    later = COOKIES.value(RECORD, THUMBPRINT, NOW + 9)
    assert read("tossed", VALUE, later, VALUE) == NOW + 9
    assert read(*["tossed"] * (MOST_VALUES - 1), VALUE) == NOW
    assert read(*["tossed"] * MOST_VALUES, VALUE) is None


def test_what_was_proved_is_remembered_and_only_of_what_it_was_proved_for() -> None:
    proofs: BoundProofs = Memo(10_000)
    remembering = BoundCookies(KEYS, "session:", "session", proofs=proofs)
    others = BoundCookies((b"another key",), "session:", "session", proofs=proofs)
    rotated = BoundCookies((b"a newer key", *KEYS), "session:", "session", proofs=proofs)
    for _ in range(2):
        assert remembering.proved_at([VALUE], RECORD, THUMBPRINT) == NOW
        assert rotated.proved_at([VALUE], RECORD, THUMBPRINT) == NOW
        assert others.proved_at([VALUE], RECORD, THUMBPRINT) is None
        assert remembering.proved_at([VALUE], RECORD, bytes(32)) is None
        rekeyed = RECORD._replace(secret_hash=bytes(24))
        assert remembering.proved_at([VALUE], rekeyed, THUMBPRINT) is None
        assert remembering.proved_at([VALUE[:-1] + "?"], RECORD, THUMBPRINT) is None


def test_a_remembered_proof_is_not_worked_out_again() -> None:
    """What is remembered holds no cookie, and counts in its place."""
    proofs: BoundProofs = Memo(10_000)
    remembering = BoundCookies(KEYS, "session:", "session", proofs=proofs)
    _ = remembering.proved_at([VALUE], RECORD, THUMBPRINT)
    ((digest, (proof, _)),) = proofs._young.items()
    assert (proof.at, len(digest)) == (NOW, 32)
    assert VALUE.encode() not in digest
    assert VALUE not in repr(proof)
    proofs.put(digest, proof._replace(at=NOW - 1), 1)
    assert remembering.proved_at([VALUE], RECORD, THUMBPRINT) == NOW - 1
