"""Sessions under real servers, by a real HTTP client: each server, workers, and store.

A login on one worker counts on each; what was acknowledged is there after workers were
started anew under load, and after one was killed.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import Valkey, running
from tests.support.tls import Certificates, issued

from .servers import SERVERS, Running, served

pytestmark = pytest.mark.deployments

STORES = ("filesystem", "redis", "sqlite")
KEY = "a key of this test's own, 32 bytes and more"
_EACH = [(name, workers) for name, server in SERVERS.items() for workers in server.workers]
_SEVERAL = [name for name, server in SERVERS.items() if 2 in server.workers]

Serve = Callable[[str, int, str], AbstractContextManager[Running]]


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Valkey]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issued(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture
def serve(tmp_path: Path, own_redis: Valkey, certificates: Certificates) -> Serve:
    """Return what serves the application on a server, with workers and a store."""
    settings: dict[str, dict[str, Any]] = {
        "filesystem": {"SESSION_FILE_DIR": str(tmp_path / "sessions")},
        "redis": {"SESSION_REDIS": own_redis.url},
        "sqlite": {"SESSION_SQLITE_FILE": str(tmp_path / "sessions.sqlite")},
    }

    @contextmanager
    def start(name: str, workers: int, store: str) -> Iterator[Running]:
        server = SERVERS[name]
        chosen = {"SECRET_KEY": KEY, "SESSION_TYPE": store, **settings[store]}
        tls = certificates if server.tls else None
        with served(server, workers, chosen, tmp_path, certificates=tls) as started:
            yield started

    return start


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("name", "workers"), _EACH)
def test_a_login_on_one_worker_counts_on_each(
    serve: Serve, name: str, workers: int, store: str
) -> None:
    with serve(name, workers, store) as server, server.client() as browser:
        began = browser.post("/login", params={"name": "ada"}).json()["pid"]
        seen = _until_all_answered(server, browser, workers)
        assert began in seen
        assert {answer["name"] for answer in seen.values()} == {"ada"}
        browser.post("/logout").raise_for_status()
        assert {each["name"] for each in _many(server, browser)} == {None}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", _SEVERAL)
def test_writes_of_several_workers_at_once_are_all_kept(
    serve: Serve, name: str, store: str
) -> None:
    with serve(name, 2, store) as server, server.client() as browser:
        browser.post("/login", params={"name": "ada"}).raise_for_status()
        with _Load(server, browser) as load:
            load.wait_for(100)
        assert load.refused == []
        assert browser.get("/me").json()["count"] == load.kept


@pytest.mark.parametrize("name", [name for name in SERVERS if SERVERS[name].reload])
def test_workers_that_start_anew_under_load_lose_nothing(serve: Serve, name: str) -> None:
    reload = SERVERS[name].reload
    assert reload is not None
    with serve(name, 2, "redis") as server, server.client() as browser:
        browser.post("/login", params={"name": "ada"}).raise_for_status()
        before = set(_until_all_answered(server, browser, 2))
        with _Load(server, browser) as load:
            load.wait_for(20)
            server.process.send_signal(reload)
            _until(lambda: before.isdisjoint(load.pids(latest=20)), server)
            load.wait_for(load.kept + 20)
        answer = browser.get("/me").json()
        assert answer["name"] == "ada"
        # A request that ended without an answer may count, or may not.
        assert load.kept <= answer["count"] <= load.kept + len(load.refused)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", [name for name in SERVERS if SERVERS[name].respawns])
def test_a_killed_worker_takes_nothing_acknowledged_along(
    serve: Serve, name: str, store: str
) -> None:
    with serve(name, 2, store) as server, server.client() as browser:
        browser.post("/login", params={"name": "ada"}).raise_for_status()
        with _Load(server, browser) as load:
            load.wait_for(20)
            killed = load.pids(latest=1).pop()
            os.kill(killed, signal.SIGKILL)
            _until(lambda: killed not in load.pids(latest=20), server)
            load.wait_for(load.kept + 20)
        answer = browser.get("/me").json()
        assert answer["name"] == "ada"
        assert load.kept <= answer["count"] <= load.kept + len(load.refused)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", [name for name in SERVERS if not SERVERS[name].respawns])
def test_a_server_that_was_killed_and_started_again_knows_its_users(
    serve: Serve, name: str, store: str
) -> None:
    workers = max(SERVERS[name].workers)
    with serve(name, workers, store) as server, server.client() as browser:
        browser.post("/login", params={"name": "ada"}).raise_for_status()
        browser.post("/count").raise_for_status()
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(timeout=5)
        kept = browser.cookies
    with serve(name, workers, store) as server, server.client(cookies=kept) as browser:
        answer = browser.get("/me").json()
        assert (answer["name"], answer["count"]) == ("ada", 1)


class _Load:
    """Requests that count up, of four clients with one browser's cookie at once."""

    def __init__(self, server: Running, browser: httpx.Client) -> None:
        self._server = server
        self._cookies = browser.cookies
        self._over = threading.Event()
        self._answered: list[int] = []
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self) -> _Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)

    @property
    def kept(self) -> int:
        """How many requests were acknowledged."""
        return len(self._answered)

    def pids(self, *, latest: int) -> set[int]:
        """Return which processes gave the latest answers."""
        return set(self._answered[-latest:])

    def wait_for(self, answers: int) -> None:
        """Wait until so many requests were acknowledged."""
        _until(lambda: self.kept >= answers, self._server)

    def _run(self) -> None:
        with self._server.client(cookies=self._cookies) as client:
            while not self._over.is_set():
                try:
                    answer = client.post("/count")
                except httpx.TransportError as error:
                    self.refused.append(repr(error))
                    continue
                if answer.status_code == 200:
                    self._answered.append(answer.json()["pid"])
                else:
                    self.refused.append(f"{answer.status_code} {answer.text}")


def _until(is_so: Callable[[], bool], server: Running, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, server.said
        time.sleep(0.01)


def _many(server: Running, browser: httpx.Client, number: int = 10) -> list[dict[str, Any]]:
    """Ask who is logged in over several connections at once."""
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        with server.client(cookies=browser.cookies) as client:
            answers.append(client.get("/me").raise_for_status().json())

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == number, server.said
    return answers


def _until_all_answered(
    server: Running, browser: httpx.Client, workers: int
) -> dict[int, dict[str, Any]]:
    """Ask until each worker has answered; return one answer of each."""
    seen: dict[int, dict[str, Any]] = {}

    def all_have() -> bool:
        seen.update({answer["pid"]: answer for answer in _many(server, browser)})
        return len(seen) >= workers

    _until(all_have, server)
    return seen
