"""Tokens: one spelling each, and none that we did not sign."""

from __future__ import annotations

import hashlib
import secrets
import string
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from samesession.core.keys import Purpose, derive
from samesession.core.memo import Memo
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
    sid, secret, _ = token.value.split(".")
    assert [len(urlsafe_b64decode(each + "==")) for each in (sid, secret)] == [16, 32]
    assert sid == token.token.sid


def test_a_token_that_was_signed_is_read() -> None:
    ours = signer(entropy=secrets.token_bytes)
    for _ in range(50):
        signed = ours.mint()
        assert ours.read(signed.value) == signed


def test_a_new_secret_for_a_session_keeps_its_sid() -> None:
    ours = signer()
    first = ours.mint()
    second = ours.mint(first.token.sid)
    assert first.token.sid == second.token.sid
    assert first.token.secret_hash != second.token.secret_hash


def test_each_single_character_change_is_refused() -> None:
    ours = signer(entropy=secrets.token_bytes)
    value = ours.mint().value
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
    value = ours.mint().value
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
    assert ours.read(spoil(ours.mint().value)) is None


@given(st.text())
def test_no_text_is_a_token_by_chance(value: str) -> None:
    assert signer().read(value) is None


def test_a_fallback_key_reads_and_never_signs() -> None:
    ours = signer(NEWEST, OLDER, OLDEST)
    for key, stale in ((NEWEST, False), (OLDER, True), (OLDEST, True)):
        made = signer(key).mint("A" * 22)
        signed = ours.read(made.value)
        assert signed == made._replace(stale=stale)
        again = ours.sign(signed)
        assert again.value == signer(NEWEST).sign(made).value
        assert again.token == made.token
        assert not again.stale
    assert signer(OLDER).read(ours.mint().value) is None


def test_another_application_with_the_same_key_cannot_make_our_tokens() -> None:
    value = signer().mint().value
    assert signer().read(value) is not None
    assert signer(prefix="other:").read(value) is None
    assert signer(name="other").read(value) is None
    # What separates the parts cannot be moved from one into the other.
    assert signer(prefix="session:s", name="ession").read(value) is None


def test_no_secret_is_in_a_repr() -> None:
    ours = signer(entropy=secrets.token_bytes)
    signed = ours.mint()
    for shown in (repr(signed), repr(signed.token), str(signed), repr(ours)):
        assert signed.value.split(".")[1] not in shown
        assert signed.value not in shown
        assert signed.value.rpartition(".")[2] not in shown


def test_a_store_can_compare_a_secret_that_it_does_not_hold() -> None:
    ours = signer()
    signed, other = ours.mint(), ours.mint().token
    token = signed.token
    assert len(token.secret_hash) == 24
    assert same_secret(token, token.secret_hash)
    assert not same_secret(other, token.secret_hash)
    assert not same_secret(token, b"")
    secret = signed.value.split(".")[1].encode()
    assert token.secret_hash == hashlib.sha256(secret).digest()[:24]


def test_the_signature_is_itsdangerous_own() -> None:
    key = derive(NEWEST, Purpose.TOKEN, "session:", "session")
    theirs = Signer(key, key_derivation="none", digest_method=hashlib.sha256)
    signed = signer(NEWEST, entropy=secrets.token_bytes).mint()
    assert theirs.unsign(signed.value).decode() == signed.value.rpartition(".")[0]


# --- what is remembered ----------------------------------------------------------------------


def test_a_value_is_proved_once() -> None:
    proofs = Counting()
    ours = signer(NEWEST, OLDER, proofs=proofs)
    for made in (ours.mint(), signer(OLDER).mint("B" * 21 + "A")):
        first = ours.read(made.value)
        assert first is not None
        assert first.token == made.token
        assert ours.read(made.value) == first
    assert proofs.kept == 2


def test_what_other_keys_proved_is_proved_anew() -> None:
    """An application that drops a fallback key, or whose cookie has another name."""
    proofs = Counting()
    value = signer(OLDER).mint().value
    assert signer(NEWEST, OLDER, proofs=proofs).read(value) is not None
    for other in (
        signer(NEWEST, proofs=proofs),
        signer(NEWEST, OLDEST, proofs=proofs),
        signer(NEWEST, OLDER, name="other", proofs=proofs),
        signer(NEWEST, OLDER, prefix="other:", proofs=proofs),
    ):
        assert other.read(value) is None
    again = signer(OLDER, NEWEST, proofs=proofs).read(value)
    assert again is not None
    assert not again.stale


def test_what_was_refused_is_not_remembered() -> None:
    proofs = Counting()
    ours = signer(NEWEST, proofs=proofs)
    assert ours.read(signer(OLDER).mint().value) is None
    assert ours.read("A" * 110) is None
    assert proofs.kept == 0


def test_no_secret_is_remembered() -> None:
    proofs = Counting()
    ours = signer(NEWEST, entropy=secrets.token_bytes, proofs=proofs)
    signed = ours.mint()
    assert ours.read(signed.value) == signed
    secret = signed.value.split(".")[1]
    held = repr([(key, value, [*value[0]]) for key, value, _ in proofs.all])
    for text in (
        secret,
        signed.value,
        repr(secret.encode()),
        repr(urlsafe_b64decode(secret + "=")),
    ):
        assert text not in held


class Counting(Memo[bytes, tuple[Token, bool]]):
    """Remembers everything, and shows what."""

    def __init__(self) -> None:
        super().__init__(1 << 20)
        self.all: list[tuple[bytes, tuple[Token, bool], int]] = []

    @property
    def kept(self) -> int:
        return len(self.all)

    def put(self, key: bytes, value: tuple[Token, bool], size: int) -> None:
        self.all.append((key, value, size))
        super().put(key, value, size)
