"""Ids of other libraries: which are looked for in a store, and which never reach it."""

from __future__ import annotations

import secrets
import uuid

import pytest
from itsdangerous import Signer

from samesession.core.old_sessions import OldSessions
from samesession.migration.flask_session import FlaskSessionReader
from samesession.migration.quart_session import QuartSessionReader

NEWEST, FALLBACK, OTHER = b"n" * 32, b"f" * 32, b"o" * 32
UUID = "3f2b8c1e-5d4a-4b6c-9e8f-0a1b2c3d4e5f"
FILED = (FlaskSessionReader, QuartSessionReader)


def reader(
    kind: type[FlaskSessionReader | QuartSessionReader], *, signed: bool = False, prefix: str = "p:"
) -> OldSessions:
    keys = (NEWEST, FALLBACK)
    return kind(keys, prefix=prefix, lifetime=60, max_bytes=1024, signed=signed)


def key(of: OldSessions, value: str) -> str | None:
    found = of.presented(value, 0.0)
    return None if found is None else found.id


def signature_of(library: str, secret: bytes, value: str) -> str:
    """Sign as the libraries do."""
    signer = Signer(secret, salt=library, key_derivation="hmac")
    return signer.sign(value.encode()).decode().rpartition(".")[2]


@pytest.mark.parametrize("length", [*range(8, 97)])
def test_each_length_that_flask_session_can_be_told_to_make(length: int) -> None:
    value = secrets.token_urlsafe(length)
    assert key(reader(FlaskSessionReader), value) == f"p:{value}"


@pytest.mark.parametrize("kind", FILED)
def test_a_uuid(kind: type[FlaskSessionReader]) -> None:
    assert key(reader(kind), UUID) == f"p:{UUID}"
    for _ in range(100):
        assert key(reader(kind), str(uuid.uuid4())) is not None


@pytest.mark.parametrize("prefix", ["", "session:", "é shop/", "{tag}"])
def test_any_prefix(prefix: str) -> None:
    assert key(reader(FlaskSessionReader, prefix=prefix), "a" * 43) == prefix + "a" * 43


@pytest.mark.parametrize("kind", FILED)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "a" * 10,
        "a" * 129,
        "a" * 5000,
        UUID[:-1] + "\n",
        UUID + "\n",
        UUID + "\0",
        UUID[:-1] + "\0",
        UUID[:-1] + "\u212a",  # which a careless comparison takes for a K
        UUID[:-1] + "é",
        UUID[:-1] + "\ud800",
        UUID[:-1] + " ",
        UUID[:-1] + ":",
        UUID[:-1] + "/",
        UUID[:-1] + "*",
        UUID[:-1] + "{",
        "owner:" + "a" * 36,
        "../" + "a" * 40,
        UUID + ".",
        "." + UUID,
        UUID + "." + "a" * 26,
        UUID + "." + "a" * 27,
        UUID + "." + "a" * 28,
        UUID + ".." + "a" * 27,
    ],
)
def test_what_no_library_makes_names_nothing(kind: type[FlaskSessionReader], value: str) -> None:
    assert key(reader(kind), value) is None


@pytest.mark.parametrize(
    "value",
    [UUID.upper(), UUID.replace("-", ""), "{" + UUID + "}", UUID.replace("4b6c", "1b6c"), "a" * 43],
)
def test_quart_session_makes_one_kind_of_uuid(value: str) -> None:
    assert key(reader(QuartSessionReader), value) is None


@pytest.mark.parametrize("kind", FILED)
@pytest.mark.parametrize("signed", [False, True])
def test_a_signature_is_checked_with_each_key(kind: type[FlaskSessionReader], signed: bool) -> None:
    found = reader(kind, signed=signed)
    for secret, expected in ((NEWEST, f"p:{UUID}"), (FALLBACK, f"p:{UUID}"), (OTHER, None)):
        value = f"{UUID}.{signature_of(found.library, secret, UUID)}"
        assert key(found, value) == expected
    another = signature_of(found.library, NEWEST, UUID.replace("3f", "4f"))
    assert key(found, f"{UUID}.{another}") is None
    others = {"flask-session": "quart-session", "quart-session": "flask-session"}[found.library]
    assert key(found, f"{UUID}.{signature_of(others, NEWEST, UUID)}") is None


@pytest.mark.parametrize("kind", FILED)
def test_a_library_that_signs_takes_no_bare_id(kind: type[FlaskSessionReader]) -> None:
    assert key(reader(kind, signed=True), UUID) is None
    assert key(reader(kind, signed=False), UUID) is not None


def test_a_key_in_repr_is_none() -> None:
    assert UUID not in repr(reader(QuartSessionReader).presented(UUID, 0.0))
