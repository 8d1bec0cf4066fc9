"""Flask under eventlet and gevent, which replace the standard library's waits with their own.

Each runs in a process of its own, as nothing takes the replacement back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from samesession.stores.kit.deadline import Deadline
from tests.support.backend import Servers
from tests.support.green import REQUESTS
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY

from .callers import SLACK
from .proxy import Fault, proxied

pytestmark = pytest.mark.needs("flask")

KINDS = ("eventlet", "gevent")
TIMEOUT = 0.5


def outcome(kind: str, when: str, settings: dict[str, Any], task: str) -> Any:
    chosen = {"SECRET_KEY": SECRET_KEY, "SESSION_STORE_TIMEOUT": 10.0, **settings}
    command = [sys.executable, "-m", "tests.support.green", kind, when, json.dumps(chosen), task]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


STORES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "filesystem": lambda place: {"SESSION_FILE_DIR": str(place / "sessions")},
    "memory": lambda place: {},
    "sqlalchemy": lambda place: {"SESSION_SQLALCHEMY": f"sqlite:///{place}/sessions.db"},
    "sqlite": lambda place: {"SESSION_SQLITE_FILE": str(place / "sessions" / "sessions.db")},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("store", STORES)
def test_greenlets_share_a_session_in_each_embedded_store(
    kind: str, store: str, tmp_path: Path
) -> None:
    settings = {"SESSION_TYPE": store, **STORES[store](tmp_path)}
    found = outcome(kind, "early", settings, "counting")
    assert found == {"statuses": [200], "sum": REQUESTS + 1}


@pytest.mark.parametrize("kind", KINDS)
def test_an_audit_under_greenlets_has_a_line_for_each_event(kind: str) -> None:
    found = outcome(kind, "early", {"SESSION_TYPE": "memory"}, "auditing")
    events = ["session_bound", "session_created"]
    assert found == {"events": events, "lines": 2 * REQUESTS, "owners": REQUESTS}


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("kind", KINDS)
def test_greenlets_share_a_session_in_redis(kind: str, when: str, valkey: Valkey) -> None:
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": valkey.url}
    found = outcome(kind, when, settings, "counting")
    assert found == {"statuses": [200], "sum": REQUESTS + 1}


@pytest.mark.stores("memcached")
@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("kind", KINDS)
def test_greenlets_share_a_session_in_memcached(kind: str, when: str, servers: Servers) -> None:
    address = f"127.0.0.1:{servers['memcached'].port}"
    settings = {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": address}
    found = outcome(kind, when, settings, "counting")
    assert found == {"statuses": [200], "sum": REQUESTS + 1}


@pytest.mark.parametrize("kind", KINDS)
def test_greenlets_that_wait_for_redis_end_in_time_and_block_no_other(
    kind: str, valkey: Valkey
) -> None:
    with proxied(valkey.port) as between:
        between.inflict(Fault(hole=True))
        settings = {
            "SESSION_TYPE": "redis",
            "SESSION_REDIS": between.url,
            "SESSION_STORE_TIMEOUT": TIMEOUT,
        }
        found = outcome(kind, "early", settings, "waiting")
    assert found["statuses"] == [503]
    assert found["longest"] < TIMEOUT + SLACK
    assert found["lag"] < TIMEOUT / 2


def test_each_greenlet_has_a_deadline_of_its_own() -> None:
    """Though none was told of greenlets, as where they are patched in late."""
    deadline = Deadline()
    greenlet: Any = import_module("greenlet")  # it has no types everywhere

    def first() -> None:
        deadline.begin(0.0)
        greenlet.getcurrent().parent.switch()
        with pytest.raises(TimeoutError):
            deadline.left()

    runs = greenlet.greenlet(first)
    runs.switch()
    deadline.begin(1000.0)
    runs.switch()
    assert deadline.left() > 900
