"""The readers of bytes that others can write, each as a function that promises its outcomes."""

from __future__ import annotations

import atexit
import datetime as dt
import hmac
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from itsdangerous import Signer as ItsdangerousSigner

from samesession import BadRecord
from samesession.aes_gcm import AesGcm
from samesession.core import codec
from samesession.core.bound_cookie import BoundCookies
from samesession.core.cookie_only import tagged_json
from samesession.core.cookie_only.flow import CookieFlow
from samesession.core.cookie_only.signed_format import SignedFormat
from samesession.core.device_binding import (
    Binding,
    Challenge,
    Damaged,
    Offered,
    device_in,
    with_device,
)
from samesession.core.device_binding import encoded as encoded_device
from samesession.core.encryption import Encryption
from samesession.core.keys import Purpose, derive
from samesession.core.memo import Memo
from samesession.core.record import DEVICE, MAC_BYTES, Record, lifetime_of, revision_of
from samesession.core.session import ServerSession
from samesession.core.store import Lifetimes
from samesession.device.proofs import proved_challenge, registration
from samesession.device.strict_json import BadProof
from samesession.headers import cookie_values
from samesession.migration.plain_pickle import load_plain
from samesession.migration.readers import LIBRARIES, readers
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.versions import read_last
from samesession.structured_fields import items, string, text
from tests.support.authenticator import Authenticator, encoded
from tests.support.clock import Clock, Entropy
from tests.unit.parts import KEYS, NOW, RULES, record, sealer, signer

Reader = Callable[[bytes], None]

SIGNED = signer().mint()
TOKEN = SIGNED.token
KEY = "session:" + TOKEN.sid
DATA = {"a": 1, "b": [1.5, None, True, {"c": (1, b"x")}], "d": {1, 2}, "e": 2**80, "f": "text"}
LIFETIMES = Lifetimes(browser=100, permanent=1000, own=True)
FLASK_SESSION = [
    # What msgspec makes of a map with a text, numbers, bytes, a list, a datetime and other keys.
    (
        b"\x86\xa1a\xa2hi\xa1b\x93\x01\xd0\x80\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
        b"\xa1c\xc4\x02\xff\x00\xa1d\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x00\x65\x00\x00\x00"
        b"\xa1e\x83\x01\xc3\xc0\xc2\x92\x01\x02\xc0\xaa_permanent\xc3"
    ),
    b'{"a":"hi","b":[1,-2.5e3,null,{"c":true}],"_permanent":true}',
    b"\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.",
    b"\x81\xa1a" * 500,
]
QUART_SESSION = [
    b'{"_permanent":true,"_addr":"192.0.2.7","t":{" t":[1,{" b":"AP8="}]},"m":{" m":"<b>"}}',
    b'{"d":{" d":"Sat, 28 Feb 2026 21:03:04 GMT"},"u":{" u":"00000000000000000000000000000007"}}',
    b'{"e":{" di":{" t__":1}},"f":[1e5,-0.0,"\\u00e9"]}',
    b'{"a":' * 500,
]


def _cookie() -> tuple[Reader, list[bytes]]:
    """Read a Cookie header: a token of ours, or nothing."""
    reader = signer()
    flow = CookieFlow(KEYS, RULES, clock=Clock(), notify=lambda *_: None, encryption=_encryption())

    def read(data: bytes) -> None:
        for value in cookie_values(data.decode("latin-1"), ("session",)).get("session", ()):
            found = reader.read(value)
            assert found is None or (found.value == value and value.isascii())
            assert type(run(flow.open([value]))) is ServerSession

    text = tagged_json.dumps(DATA)
    plain = CookieFlow(KEYS, RULES, clock=Clock(), notify=lambda *_: None)
    values = (SIGNED.value, plain._format.sign(text), flow._format.sign(text), '"a\\012b"')
    return read, [f"session={value}".encode() for value in values]


def _encryption() -> Encryption:
    """Encrypt, and read what is not encrypted besides."""
    cipher = AesGcm([b"k" * 32], Entropy())
    return Encryption(cipher, Clock(), plain_until=float("inf"))


def _record() -> tuple[Reader, list[bytes]]:
    """Open a record as it is, and sealed by us whatever it holds, then decode the payload."""
    opener = sealer(encryption=_encryption())
    seal = derive(KEYS[0], Purpose.RECORD, "session:", "session")
    filed = KEY.encode()
    fields = ((1, b"key"), (200, b""))
    made = record(TOKEN, owner="alice", label="a phone", lifetime=60, fields=fields)
    whole = sealer().seal(KEY, made._replace(payload=codec.encode(DATA)))
    encrypted = opener.seal(KEY, made._replace(payload=codec.encode(DATA)))

    def read(data: bytes) -> None:
        try:
            _ = opener.open(KEY, data)
        except BadRecord:
            pass
        else:
            assert data in (whole, encrypted), "a forged record was opened"
        _ = revision_of(data), lifetime_of(data, LIFETIMES)
        mac = hmac.digest(seal, len(filed).to_bytes(4, "big") + filed + data, "sha256")[:MAC_BYTES]
        try:
            opened = opener.open(KEY, data + mac)
        except BadRecord:
            return
        assert type(opened) is Record
        _decode(opened.payload)

    return read, [whole[:-MAC_BYTES], whole, encrypted[:-MAC_BYTES], encrypted]


def _payload() -> tuple[Reader, list[bytes]]:
    """Decode a payload, and take it apart, and the text that travels in a cookie."""

    def read(data: bytes) -> None:
        _decode(data)
        try:
            _ = tagged_json.loads(data.decode("utf-8", "replace"))
        except BadRecord:
            pass

    return read, [codec.encode(DATA), tagged_json.dumps(DATA).encode(), b"\x91" * 500, b"[" * 500]


def _decode(payload: bytes) -> None:
    try:
        data = codec.decode(payload)
        apart = codec.split(payload)
    except BadRecord:
        return
    assert type(data) is dict
    assert apart.keys() == data.keys()


def _file() -> tuple[Reader, list[bytes]]:
    """Read a file that holds anything."""
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    directory = tempfile.mkdtemp(dir=shared)
    _ = atexit.register(shutil.rmtree, directory, ignore_errors=True)
    store = FileStore(directory, clock=Clock(), max_bytes=4096)
    whole = sealer().seal(KEY, record(TOKEN, payload=codec.encode(DATA)))
    assert run(store.create(KEY, whole, lifetimes=LIFETIMES))
    (path,) = Path(directory).glob("[0-9a-f][0-9a-f]/[0-9a-f]*")
    times = path.stat().st_atime, path.stat().st_mtime

    def read(data: bytes) -> None:
        _ = path.write_bytes(data)
        os.utime(path, times)
        for end in range(0, len(data), 7):  # whatever is at the end
            _ = read_last(end, lambda length, offset: data[offset : offset + length])
        try:
            found = run(store.load(KEY, renew=LIFETIMES))
        except BadRecord:
            return
        assert found is None or found in data
        if found is not None:
            try:
                _ = sealer().open(KEY, found)
            except BadRecord:
                pass

    one = path.read_bytes()
    return read, [one, one[:50], one + one, one + one[:-3]]


def _old_cookie() -> tuple[Reader, list[bytes]]:
    """Read an old cookie as it is, and signed whatever it holds."""
    options: dict[str, Any] = {"prefix": "old:", "lifetime": 10**9, "max_bytes": 4096}
    read_by = readers(LIBRARIES, KEYS, **options)
    signed = SignedFormat(KEYS, 4096, Clock())
    signer = signed._serializer.make_signer("cookie-session")
    flask_session = ItsdangerousSigner(KEYS[0], "flask-session", key_derivation="hmac")

    def read(data: bytes) -> None:
        for value in (data.decode("latin-1"), signer.sign(data).decode("latin-1")):
            for reader in read_by:
                try:
                    found = reader.presented(value, NOW)
                except BadRecord:
                    continue
                if found is not None:
                    assert found.id.isascii()
                    assert (found.data is None) is (reader.library != "signed-cookie")
                    _keep(found.data or {})

    ids = [b"a" * 43, flask_session.sign("a" * 43), str(UUID(int=7, version=4)).encode()]
    cookies = [signed.sign(text) for text in (tagged_json.dumps(DATA), '{"a":"' + "x" * 900 + '"}')]
    payloads = [each.rsplit(".", 2)[0] for each in cookies]
    return read, [*ids, *(each.encode() for each in (*cookies, *payloads))]


def _foreign(library: str, seeds: list[bytes]) -> Callable[[], tuple[Reader, list[bytes]]]:
    """Read what another library has filed."""

    def make() -> tuple[Reader, list[bytes]]:
        (reader,) = readers([library], KEYS, prefix="old:", lifetime=1, max_bytes=4096)

        def read(data: bytes) -> None:
            try:
                found = reader.data(data)
            except BadRecord:
                return
            assert type(found) is dict
            _keep(found)

        return read, seeds

    return make


def _pickle() -> tuple[Reader, list[bytes]]:
    """Read a pickle of plain data, and run nothing of it."""
    moments = {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "for": dt.timedelta(1)}

    def read(raw: bytes) -> None:
        try:
            found = load_plain(raw, max_bytes=8192)
        except BadRecord:
            return
        assert type(found) is dict
        assert set(map(type, found)) <= {str}

    return read, [pickle.dumps({**DATA, **moments}, each) for each in range(6)]


def _keep(data: dict[str, Any]) -> None:
    """Expect that a session keeps what was read."""
    kept = codec.decode(codec.encode(data))
    assert codec.encode(kept) == codec.encode(data)


def _proof() -> tuple[Reader, list[bytes]]:
    """Read a proof of a device as it is, and signed whatever it holds."""
    challenge, mine, rsa = "c" * 43, Authenticator(), Authenticator("RS256")
    whole = [each.proof(challenge, new=new) for each in (mine, rsa) for new in (True, False)]
    keys = [registration(each.proof(challenge, new=True)).key for each in (mine, rsa)]

    def read(data: bytes) -> None:
        said = data.decode("latin-1")
        signed = ".".join(encoded(part) for part in data.split(b".", 1))
        for attempt in (said, f"{signed}.{encoded(mine.sign(signed.encode()))}"):
            try:
                found = registration(attempt)
            except BadProof:
                pass
            else:
                assert found.key == keys[0] or said in whole, "a key was registered unproved"
            for key in keys:
                try:
                    proved = proved_challenge(attempt, key)
                except BadProof:
                    continue
                assert 0 < len(proved) <= 128
                assert attempt != said or said in whole, "a forged proof was accepted"

    parts = [b'{"alg":"ES256","typ":"dbsc+jwt"}.{"jti":"c"}', b"[" * 2000, b'{"a":1,"a":2}.{}']
    return read, [*(each.encode() for each in whole), *parts]


def _fields() -> tuple[Reader, list[bytes]]:
    """Read a structured field, whose strings can be written again."""

    def read(data: bytes) -> None:
        said = data.decode("latin-1")
        for found in items(said):
            assert text(string(found.value)) == found.value
        assert (text(said) or "").isascii()

    return read, [
        b'server_error;session_identifier="a", b;c=1;d',
        b'"a\\"b\\\\"',
        b"eyJ0.eyJq.A-_9",
    ]


def _bound_cookie() -> tuple[Reader, list[bytes]]:
    """Read a bound cookie as a browser sends it, and the field of a record that it is proved by."""
    bound = Binding("ES256", b"{}", b"o" * 24, NOW, NOW, (Challenge(b"c" * 24, NOW, False),))
    cookies = BoundCookies(KEYS, "session:", "session", proofs=Memo(10**4))
    made = record(TOKEN, fields=with_device((), bound))
    good = cookies.value(made, bound.thumbprint, NOW)

    def read(data: bytes) -> None:
        said = data.decode("utf-8", "surrogateescape")
        for each in ([said], said.split(";")):
            at = cookies.proved_at(each, made, bound.thumbprint)
            assert at is None or (at == NOW and good in each), "a forged proof counts"
        found = device_in(((DEVICE, data),))
        if not isinstance(found, Damaged):
            assert found is not None
            assert device_in(with_device((), found)) == found

    fields = [encoded_device(each) for each in (bound, Offered(b"o" * 24, NOW))]
    values = (good, f"{NOW}.{'A' * 43}", f"0;{good}")
    return read, [*(each.encode() for each in values), *fields]


READERS: dict[str, Callable[[], tuple[Reader, list[bytes]]]] = {
    "cookie": _cookie,
    "record": _record,
    "payload": _payload,
    "file": _file,
    "old-cookie": _old_cookie,
    "flask-session": _foreign("flask-session", FLASK_SESSION),
    "quart-session": _foreign("quart-session", QUART_SESSION),
    "pickle": _pickle,
    "proof": _proof,
    "fields": _fields,
    "bound-cookie": _bound_cookie,
}
