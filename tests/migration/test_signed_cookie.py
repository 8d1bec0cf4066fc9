"""Flask's and Quart's signed cookie, read as they read it, and bounded."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tracemalloc
import uuid
import zlib
from base64 import urlsafe_b64encode
from decimal import Decimal
from typing import Any

import pytest
from flask.json.tag import TaggedJSONSerializer
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer
from markupsafe import Markup

from samesession import BadRecord
from samesession.core import codec
from samesession.core.cookie_only.signed_format import SignedFormat
from samesession.core.cookie_only.tagged_json import dumps
from samesession.migration.readers import LIBRARIES, readers
from samesession.migration.signed_cookie import SignedCookieReader
from tests.unit.strategies import DATA, spelled

from .test_filed_data import _TAGGED

NOW = 1_800_000_000
NEWEST, FALLBACK, OTHER = b"n" * 32, b"f" * 32, b"o" * 32
LIFETIME = 1000
TAGGED = TaggedJSONSerializer()
READER = SignedCookieReader(
    (NEWEST, FALLBACK), prefix="session:", lifetime=LIFETIME, max_bytes=100_000
)


class Signer(TimestampSigner):
    """Signs at the moment that a test says."""

    now = NOW

    def get_timestamp(self) -> int:
        return self.now


def flasks(secret: bytes = NEWEST, *, now: int = NOW) -> URLSafeTimedSerializer:
    """Give what Flask and Quart make their cookies with."""
    return URLSafeTimedSerializer(
        [secret],
        salt="cookie-session",
        serializer=TAGGED,
        signer=type("Dated", (Signer,), {"now": now}),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )


def written(data: Any, secret: bytes = NEWEST, *, now: int = NOW) -> str:
    value = flasks(secret, now=now).dumps(data)
    assert isinstance(value, str)
    return value


def signed(payload: bytes, *, stamp: bytes | None = None) -> str:
    """Sign any payload, as who has the key can."""
    serializer = flasks()
    signer = serializer.make_signer("cookie-session")
    if stamp is None:
        return signer.sign(payload).decode()
    body = payload + b"." + stamp
    return (body + b"." + signer.get_signature(body)).decode()


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name[:1] != " "), _TAGGED))
def test_data_comes_back_as_the_frameworks_give_it(data: dict[str, Any]) -> None:
    value = written(data)
    if len(value) > 4096:
        return
    found = READER.presented(value, NOW)
    assert found is not None
    assert spelled(found.data) == spelled(TAGGED.loads(TAGGED.dumps(data)))


@given(DATA)
def test_data_that_session_type_cookie_wrote_comes_back_whole(data: dict[str, Any]) -> None:
    if any(name.startswith(" ") for name in _names(data)):
        return
    value = SignedFormat((NEWEST,), 10**6, lambda: NOW).sign(dumps(data))
    if len(value) > 4096 or codec.encode_if_fit(data) is None:
        return
    found = READER.presented(value, NOW)
    assert found is not None
    assert spelled(found.data) == spelled(data)


def _names(value: object) -> list[str]:
    match value:
        case dict():
            own = [key for key in value if isinstance(key, str)]
            parts = [*value, *value.values()]
        case list() | tuple() | set() | frozenset():
            own, parts = [], [*value]
        case _:
            return []
    return own + [name for each in parts for name in _names(each)]


def test_each_tag() -> None:
    data = {
        "tuple": (1, ["a"]),
        "bytes": b"\xff",
        "markup": Markup("<b>"),
        "uuid": uuid.UUID(int=1),
        "date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "escaped": {" t": {" di": 1}},
        "_permanent": True,
        "_flashes": [("message", "hello")],
    }
    found = READER.presented(written(data), NOW)
    assert found is not None
    assert spelled(found.data) == spelled(data)


@pytest.mark.parametrize("secret", [NEWEST, FALLBACK])
def test_each_key_counts(secret: bytes) -> None:
    assert READER.presented(written({"a": 1}, secret), NOW) is not None


def test_another_key_counts_for_nothing() -> None:
    assert READER.presented(written({"a": 1}, OTHER), NOW) is None


@pytest.mark.parametrize("age", [-61, -60, -1, 0, 1, LIFETIME, LIFETIME + 1, LIFETIME + 2])
def test_it_counts_as_long_as_for_the_frameworks(age: int) -> None:
    """Two clocks may differ by a minute: that is the only difference, and lengthens nothing."""
    value = written({"a": 1})
    try:
        _ = flasks(now=NOW + age).loads(value, max_age=LIFETIME)
        counts = True
    except BadSignature:
        counts = -60 <= age < 0
    found = READER.presented(value, NOW + age + 0.9)
    assert (found is not None) is counts
    if found is not None:
        assert found.expires == NOW + LIFETIME + 1


def test_a_cookie_has_one_id_however_its_signature_is_spelled() -> None:
    """Or it would come again after each logout, as another cookie."""
    value = written({"a": 1})
    body, _, signature = value.rpartition(".")
    found = READER.presented(value, NOW)
    assert found is not None
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(signature[-1])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [
        f"{body}.{signature[:-1]}{alphabet[last ^ 1]}",
        f"{body}.{signature}=",
        f"{body}.{signature[:5]}!{signature[5:]}",
        f"{body}.{signature} ",
    ]
    counted = [READER.presented(each, NOW) for each in spellings]
    assert any(counted), "itsdangerous takes more than one"
    assert {each.id for each in counted if each is not None} == {found.id}
    assert found.id == body


def test_nothing_of_it_can_be_changed() -> None:
    value = written({"name": "ann"})
    _, _, signature = value.rpartition(".")
    for at in range(len(value) - len(signature)):
        for other in "Aa.-":
            changed = value[:at] + other + value[at + 1 :]
            assert changed == value or READER.presented(changed, NOW) is None
        assert READER.presented(value[:at], NOW) is None
        assert READER.presented(value[at + 1 :], NOW) is None


@pytest.mark.parametrize(
    "value", ["", ".", "..", "...", "a.b.c", "é", "\ud800", "a" * 10**6, "." * 5000]
)
def test_what_is_no_cookie_of_theirs(value: str) -> None:
    assert READER.presented(value, NOW) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b".",
        b"!",
        b".e30",
        b"AAAA",
        urlsafe_b64encode(b"[1]"),
        urlsafe_b64encode(b"null"),
        urlsafe_b64encode(b'{"a":"\xff"}'),
        urlsafe_b64encode(b'{"a":"\\ud800"}'),
        urlsafe_b64encode(b'{"a":{" od":1}}'),
        urlsafe_b64encode(b'{"a":' + b"9" * 2800 + b"}"),
        b"." + urlsafe_b64encode(zlib.compress(b'{"a":' + b"[" * 100_000 + b"]" * 100_000)),
        b"." + urlsafe_b64encode(zlib.compress(b'{"a":"' + b"x" * 2_800_000 + b'"}', 9)),
    ],
)
def test_what_is_signed_and_holds_no_session_is_a_bad_record(payload: bytes) -> None:
    with pytest.raises(BadRecord):
        READER.presented(signed(payload), NOW)


@pytest.mark.parametrize("stamp", [b"", b"!", b"AAAAAAAAAAAAAAAA", b"_" * 2000])
def test_a_moment_that_is_none_is_too_old_or_no_cookie(stamp: bytes) -> None:
    value = signed(urlsafe_b64encode(b"{}").rstrip(b"="), stamp=stamp)
    assert READER.presented(value, NOW) is None


def test_a_bomb_is_bounded() -> None:
    bomb = b"." + urlsafe_b64encode(zlib.compress(b'{"a":"' + b"x" * 2_800_000 + b'"}', 9))
    value = signed(bomb.rstrip(b"="))
    assert len(value) < 4096
    tracemalloc.start()
    try:
        with pytest.raises(BadRecord, match="SESSION_MAX_BYTES"):
            READER.presented(value, NOW)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_only_what_session_type_cookie_wrote_has_its_tags() -> None:
    found = READER.presented(written({"a": Markup("x")}), NOW)
    assert found is not None
    value = SignedFormat((NEWEST,), 10**6, lambda: NOW).sign(
        dumps({"a": Decimal("1.10"), "b": {1}})
    )
    again = READER.presented(value, NOW)
    assert again is not None
    assert again.data == {"a": Decimal("1.10"), "b": {1}}
    assert json.loads(dumps({"a": Decimal("1.10")})) == {"a": {" ss.decimal": "1.10"}}


def test_readers_come_in_the_order_that_is_asked_for() -> None:
    assert LIBRARIES == ("flask-session", "quart-session", "signed-cookie")
    for names in (LIBRARIES, LIBRARIES[::-1], LIBRARIES[1:2], ()):
        made = readers(names, (NEWEST,), prefix="p", lifetime=1, max_bytes=1)
        assert tuple(each.library for each in made) == names
