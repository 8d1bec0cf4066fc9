"""Processes that use a store on a disk and are limited, watched or killed: run by name.

python -m tests.faults.children kill DIRECTORY ROUNDS STORE
python -m tests.faults.children save DIRECTORY
python -m tests.faults.children limited DIRECTORY STORE
python -m tests.faults.children stranger DIRECTORY
"""

from __future__ import annotations

import base64
import json
import os
import random
import resource
import secrets
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from samesession import BadRecord, SessionError
from samesession.core import codec
from samesession.core.cookie_only.flow import CookieFlow
from samesession.core.cookie_only.signed_format import SignedFormat
from samesession.core.request_state import data_of
from samesession.core.store import Lifetimes, Outcome
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.sqlite import SQLiteStore
from tests.unit.parts import RULES, record, sealer, signer

LIFETIMES = Lifetimes(browser=600, permanent=6000)
TOKEN = signer().mint().token
KEY = "session:" + TOKEN.sid
NOBODY = 65534
_ROOT = Path(__file__).parents[2]


def child(name: str, *args: object, wrapper: tuple[str, ...] = ()) -> Any:  # Any: JSON
    """Run one of the functions below in a process of its own; give what it printed."""
    command = [*wrapper, sys.executable, "-m", "tests.faults.children", name, *map(str, args)]
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def raw(revision: int) -> bytes:
    """Make a record whose payload says which revision it is."""
    payload = revision.to_bytes(4, "big") * (1 + revision * 97 % 5000)
    return sealer().seal(KEY, record(TOKEN, revision=revision, payload=payload[:3500]))


def _store(kind: str, directory: str) -> FileStore | SQLiteStore:
    if kind == "sqlite":
        return SQLiteStore(Path(directory) / "sessions.db", timeout=20.0)
    return FileStore(directory)


def kill(directory: str, rounds: str, kind: str = "filesystem") -> object:
    """Kill a writer again and again; say what was lost, torn, left behind."""
    store = _store(kind, directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    revision, leftovers = 1, 0
    chance = random.Random(1)
    for _ in range(int(rounds)):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _write_forever(store, revision, writer)
        os.close(writer)
        # A child first has to open a database.
        time.sleep((0.001 + chance.random() * 0.004) * (5 if kind == "sqlite" else 1))
        os.kill(pid, signal.SIGKILL)
        _ = os.waitpid(pid, 0)
        acknowledged = revision
        with os.fdopen(reader, "rb") as told:
            acknowledged += len(told.read())
        found = run(store.load(KEY, renew=None))
        assert found is not None, "the session is lost"
        opened = sealer().open(KEY, found)  # raises for a torn one
        assert found == raw(opened.revision)
        assert acknowledged <= opened.revision <= acknowledged + 1, "a write was lost"
        revision = opened.revision + 1  # nobody kills this one
        steps = store.commit(KEY, raw(revision), expected=found[:8], renew=LIFETIMES)
        assert run(steps) is Outcome.WRITTEN
        leftovers += len(temporaries(directory))
        if leftovers % 7 == 0:
            _ = run(store.purge())
    _ = run(store.purge())
    return {"written": revision, "leftovers": leftovers, "after": temporaries(directory)}


def _write_forever(store: FileStore | SQLiteStore, revision: int, told: int) -> None:
    while True:
        expected = revision.to_bytes(8, "big")
        revision += 1
        steps = store.commit(KEY, raw(revision), expected=expected, renew=LIFETIMES)
        assert run(steps) is Outcome.WRITTEN
        _ = os.write(told, b".")


def temporaries(directory: str | os.PathLike[str]) -> list[str]:
    return [path.name for path in Path(directory).rglob(".*") if path.name != ".lock"]


def save(directory: str) -> object:
    """Make and change a record durably, for whoever traces this."""
    store = FileStore(directory, fsync=True)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    steps = store.commit(KEY, raw(2), expected=(1).to_bytes(8, "big"), renew=LIFETIMES)
    assert run(steps) is Outcome.WRITTEN
    return True


def limited(directory: str, kind: str = "filesystem") -> object:
    """Write beyond the size of files that the process may write, then within it."""
    store = _store(kind, directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    _ = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    refused = _attempt(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    kept, left = _kept(store), temporaries(directory)
    return {"refused": refused, "kept": kept, "left": left, "then": _attempt(store)}


def stranger(directory: str) -> object:
    """As a user without rights, meet a directory that is not writable any more."""
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    store = FileStore(directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    shard = next(path for path in Path(directory).iterdir() if len(path.name) == 2)
    (file,) = shard.iterdir()
    file.chmod(0o400)
    shard.chmod(0o500)
    refused = _attempt(store)
    kept = _kept(store)
    shard.chmod(0)
    unreadable = _attempt(store)
    shard.chmod(0o700)
    replaced = _attempt(store)
    return {"refused": refused, "unreadable": unreadable, "replaced": replaced, "kept": kept}


def mint(forks: str) -> object:
    """Mint tokens in processes forked from one whose `random` is seeded; give them all."""
    random.seed(1)
    makes = signer(entropy=secrets.token_bytes)
    reader, writer = os.pipe()
    for _ in range(int(forks)):
        if os.fork() == 0:
            random.seed(1)
            tokens = [makes.mint() for _ in range(10)]
            pairs = (each.value.split(".") for each in tokens)
            _ = os.write(writer, "".join(f"{sid} {secret}\n" for sid, secret, _ in pairs).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        minted = [line.split() for line in told]
    for _ in range(int(forks)):
        _ = os.wait()
    return minted


BOMBS = (
    b"\xdd\xff\xff\xff\xff",  # a list of 2**32 - 1
    b"\xdf\xff\xff\xff\xff\xa1a",  # a mapping of as many
    b"\xc6\xff\xff\xff\xffx",  # bytes of as many
    b"\xdb\xff\xff\xff\xffx",  # text
    b"\xc9\xff\xff\xff\xff\x01x",  # an extension
    b"\x91" * 100_000,  # lists in lists
    b"\x81\xa1a" * 100_000,
    b"\xc7\xff\x01" * 10_000,
)


def bombs() -> object:
    """Decode what is small and claims to be large, with 64 MB to spare; give the outcomes."""
    key = [b"k" * 16]
    cookies = CookieFlow(key, RULES, clock=lambda: 0.0, notify=lambda *_: None)
    serializer = SignedFormat(key, RULES.max_bytes, lambda: 0.0)._serializer
    signing = serializer.make_signer(serializer.salt)
    inflating, control = _deflated(b"[" * 2_800_000), _deflated(b'{"a": 1}')
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + 64 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes = [_decoded(bomb) for bomb in BOMBS]
    inflated, read = (
        data_of(run(cookies.open([signing.sign(value).decode()]))) for value in (inflating, control)
    )
    return {"refused": outcomes, "inflated": inflated, "read": read, "size": len(inflating)}


def _deflated(text: bytes) -> bytes:
    return b"." + base64.urlsafe_b64encode(zlib.compress(text, 9)).rstrip(b"=")


def _decoded(bomb: bytes) -> str:
    started = time.monotonic()
    try:
        _ = codec.decode(bomb)
    except BadRecord:
        return "refused" if time.monotonic() - started < 0.5 else "slow"
    return "decoded"


def _attempt(store: FileStore | SQLiteStore) -> str:
    try:
        steps = store.commit(KEY, raw(2), expected=(1).to_bytes(8, "big"), renew=LIFETIMES)
        return str(run(steps))
    except SessionError as error:
        return f"{type(error).__name__}: {error}"


def _kept(store: FileStore | SQLiteStore) -> bool:
    return run(store.load(KEY, renew=None)) == raw(1)


if __name__ == "__main__":
    known = {each.__name__: each for each in (kill, save, limited, stranger, mint, bombs)}
    _ = sys.stdout.write(json.dumps(known[sys.argv[1]](*sys.argv[2:])))
