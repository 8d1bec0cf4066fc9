"""What is encrypted opens only whole, under its own key, and where it was filed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from samesession import BadRecord, ConfigError, SessionTooLarge
from samesession.aes_gcm import AesGcm
from samesession.core.encryption import Encryption
from samesession.core.record import MAC_BYTES, Sealer, _tag, revision_of, sid_of
from samesession.settings import Config
from samesession.stores import read_config
from tests.support.clock import Clock, Entropy

from .parts import NOW, RULES, record, sealer, signer

NEWER, OLDER = b"n" * 32, b"o" * 32
TOKEN = signer().mint().token
KEY = "session:" + TOKEN.sid
OWNED = record(TOKEN, owner="alice", label="a phone", payload=b"a cart", permanent=True)
SETTINGS = {"SECRET_KEY": "sixteen bytes or more of a key", "SESSION_ENCRYPT": True}
LONG = "a key of an application's own, long enough"


def cipher(*keys: bytes, entropy: Callable[[int], bytes] | None = None) -> AesGcm:
    return AesGcm(keys or (NEWER,), entropy or Entropy())


def encryption(*keys: bytes, clock: Clock | None = None, **how: Any) -> Encryption:
    return Encryption(cipher(*keys), clock or Clock(), **how)


# --- the cipher ------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_what_is_encrypted_is_decrypted(clear: bytes, associated: bytes) -> None:
    assert cipher().decrypt(cipher().encrypt(clear, associated), associated) == (clear, False)


def test_a_record_of_today_can_be_read_for_ever() -> None:
    """By nothing but the package and RFC 5869, as the docs of the module say."""
    encrypted = cipher().encrypt(b"clear", b"associated")
    salt, nonce, rest = encrypted[:16], encrypted[16:28], encrypted[28:]
    derived = HKDFExpand(algorithm=SHA256(), length=32, info=salt).derive(NEWER)
    assert AESGCM(derived).decrypt(nonce, rest, b"associated") == b"clear"
    assert len(encrypted) == 28 + len(b"clear") + 16


def test_equal_texts_are_encrypted_under_keys_of_their_own() -> None:
    drawn = Entropy()
    sizes: list[int] = []

    def entropy(size: int) -> bytes:
        sizes.append(size)
        return drawn(size)

    one = cipher(entropy=entropy)
    found = {one.encrypt(b"the same", b"") for _ in range(100)}
    assert len(found) == len({each[:16] for each in found}) == len({e[16:28] for e in found}) == 100
    assert sizes == [28] * 100


def test_the_newest_key_encrypts_and_any_decrypts() -> None:
    both = cipher(NEWER, OLDER)
    assert both.decrypt(cipher(OLDER).encrypt(b"clear", b""), b"") == (b"clear", True)
    assert cipher(NEWER).decrypt(both.encrypt(b"clear", b""), b"") == (b"clear", False)
    with pytest.raises(BadRecord, match="another key"):
        cipher(OLDER).decrypt(both.encrypt(b"clear", b""), b"")


def test_what_is_encrypted_opens_whole_or_not_at_all() -> None:
    encrypted = cipher().encrypt(b"clear", b"associated")
    spoilt = [encrypted[:end] for end in range(len(encrypted))] + [encrypted + b"\0"]
    for at in range(len(encrypted)):
        for bit in range(8):
            flipped = bytes([encrypted[at] ^ 1 << bit])
            spoilt.append(encrypted[:at] + flipped + encrypted[at + 1 :])
    for each in spoilt:
        with pytest.raises(BadRecord):
            cipher(NEWER, OLDER).decrypt(each, b"associated")
    with pytest.raises(BadRecord):
        cipher().decrypt(encrypted, b"Associated")


# --- records ---------------------------------------------------------------------------------


def encrypted_by(*keys: bytes, secret: bytes = b"a secret key of ours") -> Sealer:
    return sealer(secret, encryption=encryption(*keys))


def test_an_encrypted_record_opens_to_what_was_sealed_and_shows_stores_what_they_need() -> None:
    raw = encrypted_by().seal(KEY, OWNED)
    assert encrypted_by().open(KEY, raw) == OWNED
    assert (revision_of(raw), sid_of(raw)) == (OWNED.revision_bytes, TOKEN.sid)
    assert raw[8] == 3
    for word in (b"alice", b"phone", b"cart"):
        assert word not in raw
        assert word in sealer().seal(KEY, OWNED)


def test_encryption_adds_44_bytes_which_count() -> None:
    plain = len(sealer().seal(KEY, record(TOKEN, payload=b"")))
    room = RULES.max_bytes - plain - 44
    sealed = encrypted_by().seal(KEY, record(TOKEN, payload=b"x" * room))
    assert len(sealed) == RULES.max_bytes
    with pytest.raises(SessionTooLarge):
        encrypted_by().seal(KEY, record(TOKEN, payload=b"x" * (room + 1)))


def test_an_encrypted_record_with_any_bit_flipped_or_cut_is_refused() -> None:
    raw = encrypted_by().seal(KEY, OWNED)
    for at in range(len(raw)):
        with pytest.raises(BadRecord):
            encrypted_by().open(KEY, raw[:at])
        for bit in range(8):
            with pytest.raises(BadRecord):
                encrypted_by().open(KEY, raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])


def test_the_tag_of_encryption_holds_where_the_mac_is_made_anew() -> None:
    """As by somebody who knows SECRET_KEY, and no key of encryption."""
    ours, without = encrypted_by(), sealer(b"a secret key of ours")
    raw = ours.seal(KEY, OWNED)
    mine = "session:" + "A" * 22
    for key, body in (
        (mine, raw[:-MAC_BYTES]),
        (KEY, raw[:8] + b"\x02" + raw[9:-MAC_BYTES]),
        (KEY, raw[:7] + b"\x02" + raw[8:-MAC_BYTES]),
        (KEY, raw[:54]),
        (KEY, raw[:70] + bytes([raw[70] ^ 1]) + raw[71:-MAC_BYTES]),
    ):
        with pytest.raises(BadRecord, match=r"another key|size"):
            ours.open(key, body + _tag(without._macs[0], key, body))


def test_a_record_opens_under_one_secret_key_and_one_key_of_encryption() -> None:
    raw = encrypted_by(NEWER).seal(KEY, OWNED)
    with pytest.raises(BadRecord, match="authentic"):
        encrypted_by(NEWER, secret=b"another secret key").open(KEY, raw)
    with pytest.raises(BadRecord, match="another key"):
        encrypted_by(OLDER).open(KEY, raw)


def test_a_record_under_an_older_key_is_stale() -> None:
    raw = encrypted_by(OLDER).seal(KEY, OWNED)
    assert encrypted_by(NEWER, OLDER).open(KEY, raw) == OWNED._replace(stale=True)
    rotated = sealer(b"a newer secret key", b"a secret key of ours", encryption=encryption(OLDER))
    assert rotated.open(KEY, raw) == OWNED._replace(stale=True)


def test_without_encryption_no_encrypted_record_is_read() -> None:
    with pytest.raises(BadRecord, match="SESSION_ENCRYPT is off"):
        sealer().open(KEY, sealer(encryption=encryption()).seal(KEY, OWNED))


def test_a_plain_record_is_read_until_its_time_has_come_and_is_stale() -> None:
    raw, clock = sealer().seal(KEY, OWNED), Clock()
    never = sealer(encryption=encryption(clock=clock))
    until = sealer(encryption=encryption(clock=clock, plain_until=NOW + 1))
    with pytest.raises(BadRecord, match="not encrypted"):
        never.open(KEY, raw)
    assert until.open(KEY, raw) == OWNED._replace(stale=True)
    clock.now += 1
    with pytest.raises(BadRecord, match="not encrypted"):
        until.open(KEY, raw)


def test_what_only_reads_encrypted_records_writes_plain_ones() -> None:
    reading = sealer(encryption=encryption(writes=False))
    assert reading.seal(KEY, OWNED) == sealer().seal(KEY, OWNED)
    assert reading.open(KEY, sealer().seal(KEY, OWNED)) == OWNED
    assert reading.open(KEY, sealer(encryption=encryption()).seal(KEY, OWNED)) == OWNED


# --- settings --------------------------------------------------------------------------------


def configured(**settings: Any) -> Config:
    return read_config({**SETTINGS, **settings})


def test_sessions_are_not_encrypted_unless_that_is_chosen() -> None:
    assert configured(SESSION_ENCRYPT=False).encryption is None


def test_every_setting_of_encryption_is_taken() -> None:
    plain = configured().encryption
    assert plain is not None
    assert (plain.writes, plain.keys, plain.plain_until) == (True, None, 0)
    found = configured(
        SESSION_ENCRYPT="read",
        SESSION_ENCRYPTION_KEYS=[LONG, LONG.encode()[::-1]],
        SESSION_ENCRYPT_READ_PLAIN_UNTIL="2027-01-15T09:00:00+01:00",
    )
    same = found.encryption
    assert same is not None
    assert same.keys == (LONG.encode(), LONG.encode()[::-1])
    assert (same.writes, same.plain_until) == (False, NOW)
    assert LONG not in repr(found)
    moment = datetime.fromtimestamp(NOW, UTC)
    given = configured(SESSION_ENCRYPT_READ_PLAIN_UNTIL=moment).encryption
    assert given is not None
    assert given.plain_until == NOW


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"SESSION_ENCRYPT": 1}, 'True, False or "read"'),
        ({"SESSION_ENCRYPT": "yes"}, 'True, False or "read"'),
        ({"SESSION_ENCRYPTION_KEYS": LONG}, "write a list of keys"),
        ({"SESSION_ENCRYPTION_KEYS": []}, "write a list of keys"),
        ({"SESSION_ENCRYPTION_KEYS": [7]}, "write a list of keys"),
        ({"SESSION_ENCRYPTION_KEYS": ["k" * 31]}, "write a list of keys"),
        ({"SESSION_ENCRYPTION_KEYS": [LONG, "change me " * 4]}, "write a list of keys"),
        ({"SESSION_ENCRYPT_READ_PLAIN_UNTIL": datetime(2027, 1, 1)}, "with an offset"),  # noqa: DTZ001
        ({"SESSION_ENCRYPT_READ_PLAIN_UNTIL": "2027-01-01"}, "with an offset"),
        ({"SESSION_ENCRYPT_READ_PLAIN_UNTIL": "soon"}, "with an offset"),
        ({"SESSION_ENCRYPT_READ_PLAIN_UNTIL": NOW}, "with an offset"),
        ({"SESSION_ENCRYPT": False, "SESSION_ENCRYPTION_KEYS": [LONG]}, "SESSION_ENCRYPT = True"),
        (
            {"SESSION_ENCRYPT": False, "SESSION_ENCRYPT_READ_PLAIN_UNTIL": "2027-01-01T00:00Z"},
            "SESSION_ENCRYPT = True",
        ),
    ],
)
def test_a_wrong_setting_is_told_of_without_its_value(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        configured(**wrong)
    assert list(wrong)[-1] in str(caught.value)
    assert LONG not in str(caught.value)


def test_without_the_package_an_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = builtins.__import__

    def missing(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return load(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pip install 'samesession\[encryption\]'"):
        cipher()
