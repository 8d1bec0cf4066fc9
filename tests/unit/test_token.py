"""Tokens: one spelling each, and none that we did not sign."""

from __future__ import annotations

import re
import secrets
import string
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.token import Token, same_secret

from .parts import signer

NEWEST, OLDER, OLDEST = b"the newest key 1", b"an older key 222", b"the oldest key 3"
BASE64URL = string.ascii_letters + string.digits + "-_"


def test_a_token_has_128_and_256_random_bits() -> None:
    drawn: list[int] = []

    def entropy(size: int) -> bytes:
        drawn.append(size)
        return secrets.token_bytes(size)

    token = signer(entropy=entropy).mint()
    assert drawn == [16, 32]
    assert (len(urlsafe_b64decode(token.sid + "==")), len(token.secret)) == (16, 43)


def test_a_token_that_was_signed_is_read() -> None:
    ours = signer(entropy=secrets.token_bytes)
    for _ in range(50):
        signed = ours.sign(ours.mint())
        assert ours.read(signed.value) == signed


def test_a_new_secret_for_a_session_keeps_its_sid() -> None:
    ours = signer()
    first = ours.mint()
    second = ours.mint(first.sid)
    assert first.sid == second.sid
    assert first.secret != second.secret


def test_each_single_character_change_is_refused() -> None:
    ours = signer(entropy=secrets.token_bytes)
    value = ours.sign(ours.mint()).value
    for at in range(len(value)):
        for char in BASE64URL + ".=+/ \n\0é":
            if char != value[at]:
                assert ours.read(value[:at] + char + value[at + 1 :]) is None
        assert ours.read(value[:at] + value[at + 1 :]) is None
        assert ours.read(value[:at] + "A" + value[at:]) is None


@pytest.mark.parametrize("part", ["sid", "secret", "signature"])
def test_only_the_canonical_spelling_is_read(part: str) -> None:
    """The last character has spare bits, so that other spellings decode alike."""
    ours = signer()
    value = ours.sign(ours.mint()).value
    at = {"sid": 21, "secret": 65, "signature": len(value) - 1}[part]
    end = value.find(".", at) if part != "signature" else len(value)
    assert end - 1 == at
    padding = "==" if part == "sid" else "="
    start = value.rfind(".", 0, at) + 1
    meant = urlsafe_b64decode(value[start:end] + padding)
    alike = [
        char
        for char in BASE64URL
        if urlsafe_b64decode(value[start:at] + char + padding) == meant and char != value[at]
    ]
    assert len(alike) == (15 if part == "sid" else 3)
    for char in alike:
        assert ours.read(value[:at] + char + value[at + 1 :]) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: "",
        lambda value: value + "\n",
        lambda value: " " + value,
        lambda value: value + "=",
        lambda value: value + value,
        lambda value: value * 1000,
        lambda value: value.replace(".", "..", 1),
        lambda value: value.rpartition(".")[0],
        lambda value: "." + value,
        lambda value: "../../x",
        lambda value: "{x}",
        lambda value: "a\0b",
        lambda value: "a\nb",
        lambda value: "\u212a" + value[1:],
        lambda value: "\ud800" + value[1:],
        lambda value: "\xff\xfe" + value[2:],
        lambda value: "A" * 60_000,
        lambda value: value.swapcase(),
    ],
)
def test_a_malformed_value_is_no_token(spoil: object) -> None:
    ours = signer(entropy=secrets.token_bytes)
    assert callable(spoil)
    assert ours.read(spoil(ours.sign(ours.mint()).value)) is None


@given(st.text())
def test_no_text_is_a_token_by_chance(value: str) -> None:
    assert signer().read(value) is None


def test_a_fallback_key_reads_and_never_signs() -> None:
    ours = signer(NEWEST, OLDER, OLDEST)
    for key, stale in ((NEWEST, False), (OLDER, True), (OLDEST, True)):
        value = signer(key).sign(Token("A" * 22, "A" * 43)).value
        signed = ours.read(value)
        assert signed is not None
        assert (signed.stale, signed.value) == (stale, value)
        again = ours.sign(signed.token)
        assert again.value == signer(NEWEST).sign(signed.token).value
        assert not again.stale
    assert signer(OLDER).read(ours.sign(ours.mint()).value) is None


def test_another_application_with_the_same_key_cannot_make_our_tokens() -> None:
    value = signer().sign(signer().mint()).value
    assert signer().read(value) is not None
    assert signer(prefix="other:").read(value) is None
    assert signer(name="other").read(value) is None
    # What separates the parts cannot be moved from one into the other.
    assert signer(prefix="session:s", name="ession").read(value) is None


def test_no_secret_is_in_a_repr() -> None:
    ours = signer(entropy=secrets.token_bytes)
    signed = ours.sign(ours.mint())
    for shown in (repr(signed), repr(signed.token), str(signed), repr(ours)):
        assert signed.token.secret not in shown
        assert signed.value not in shown
        assert signed.value.rpartition(".")[2] not in shown


def test_a_store_can_compare_a_secret_that_it_does_not_hold() -> None:
    ours = signer()
    token, other = ours.mint(), ours.mint()
    assert len(token.secret_hash) == 32
    assert same_secret(token, token.secret_hash)
    assert not same_secret(other, token.secret_hash)
    assert not same_secret(token, b"")
    assert not re.search(re.escape(token.secret.encode()), token.secret_hash)


def test_the_signature_is_itsdangerous_own() -> None:
    import hashlib

    from itsdangerous import Signer

    from samesession.core.keys import Purpose, derive

    key = derive(NEWEST, Purpose.TOKEN, "session:", "session")
    theirs = Signer(key, key_derivation="none", digest_method=hashlib.sha256)
    ours = signer(NEWEST, entropy=secrets.token_bytes)
    for _ in range(20):
        signed = ours.sign(ours.mint())
        assert theirs.sign(f"{signed.token.sid}.{signed.token.secret}").decode() == signed.value
