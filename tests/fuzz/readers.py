"""The readers of bytes that others can write, each as a function that promises its outcomes."""

from __future__ import annotations

import atexit
import hmac
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from samesession import BadRecord
from samesession.aes_gcm import AesGcm
from samesession.core import codec
from samesession.core.cookie_only import tagged_json
from samesession.core.cookie_only.flow import CookieFlow
from samesession.core.encryption import Encryption
from samesession.core.keys import Purpose, derive
from samesession.core.record import MAC_BYTES, Record, lifetime_of, revision_of
from samesession.core.session import ServerSession
from samesession.core.store import Lifetimes
from samesession.headers import cookie_values
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.versions import read_last
from tests.support.clock import Clock, Entropy
from tests.unit.parts import KEYS, RULES, record, sealer, signer

Reader = Callable[[bytes], None]

SIGNED = signer().mint()
TOKEN = SIGNED.token
KEY = "session:" + TOKEN.sid
DATA = {"a": 1, "b": [1.5, None, True, {"c": (1, b"x")}], "d": {1, 2}, "e": 2**80, "f": "text"}
LIFETIMES = Lifetimes(browser=100, permanent=1000, own=True)


def _cookie() -> tuple[Reader, list[bytes]]:
    """Read a Cookie header: a token of ours, or nothing."""
    reader = signer()
    flow = CookieFlow(KEYS, RULES, clock=Clock(), notify=lambda *_: None, encryption=_encryption())

    def read(data: bytes) -> None:
        for value in cookie_values(data.decode("latin-1"), "session"):
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


READERS: dict[str, Callable[[], tuple[Reader, list[bytes]]]] = {
    "cookie": _cookie,
    "record": _record,
    "payload": _payload,
    "file": _file,
}
