"""Servers of others, each in processes of its own, as their documentation starts them."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.server import free_port

from .settings import VARIABLE

ROOT = Path(__file__).parents[2]
FLASK = "tests.deployments.flask_app:app"
FLASK_ASGI = "tests.deployments.flask_app:asgi"
QUART = "tests.deployments.quart_app:app"


@dataclass(frozen=True)
class Server:
    """How a server is started; `{port}` and `{workers}` stand for what a test chooses.

    `reload`: the signal that has it start its workers anew; `respawns`: whether it starts a
    worker in place of one that was killed.
    """

    command: tuple[str, ...]
    workers: tuple[int, ...] = (1, 2)
    reload: signal.Signals | None = None
    respawns: bool = False
    tls: bool = False

    def arguments(self, port: int, workers: int) -> list[str]:
        """Return the command line."""
        return [each.format(port=port, workers=workers) for each in self.command]


def _gunicorn(*options: str) -> Server:
    address = ("--bind", "127.0.0.1:{port}", "--workers", "{workers}")
    command = ("gunicorn", *address, "--graceful-timeout", "5", *options, FLASK)
    return Server(command, reload=signal.SIGHUP, respawns=True)


def _hypercorn(application: str, *options: str, tls: bool = False) -> Server:
    address = ("--bind", "127.0.0.1:{port}", "--workers", "{workers}")
    return Server(("hypercorn", *address, *options, application), tls=tls)


def _uvicorn(application: str) -> Server:
    address = ("--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}")
    # A machine that does much else takes its time to start a worker.
    patience = ("--timeout-worker-healthcheck", "30")
    command = ("uvicorn", *address, *patience, application)
    return Server(command, reload=signal.SIGHUP, respawns=True)


SERVERS = {
    "Hypercorn, Quart, HTTP/1.1": _hypercorn(QUART),
    "Hypercorn, Quart, HTTP/2": _hypercorn(QUART, tls=True),
    "Uvicorn, Quart": _uvicorn(QUART),
    "Gunicorn sync, Flask": _gunicorn("--worker-class", "sync"),
    "Gunicorn gthread, Flask": _gunicorn("--worker-class", "gthread", "--threads", "4"),
    "Gunicorn gevent, Flask": _gunicorn("--worker-class", "gevent"),
    "Waitress, Flask": Server(
        ("waitress", "--listen", "127.0.0.1:{port}", "--threads", "8", FLASK), workers=(1,)
    ),
    "Hypercorn, Flask": _hypercorn("wsgi:" + FLASK),
    "Hypercorn, Flask by asgiref": _hypercorn(FLASK_ASGI),
    "Uvicorn, Flask by asgiref": _uvicorn(FLASK_ASGI),
}


@dataclass
class Running:
    """A server that runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    verify: Any  # what httpx takes: an SSLContext, or True

    def client(self, **options: Any) -> httpx.Client:
        """Return a browser: it keeps cookies, and its requests open connections anew."""
        limits = httpx.Limits(max_keepalive_connections=0)
        http2 = self.url.startswith("https")
        return httpx.Client(
            base_url=self.url, verify=self.verify, http2=http2, limits=limits, timeout=10, **options
        )

    @property
    def said(self) -> str:
        """What the server wrote."""
        return self.log.read_text(errors="replace")


@contextmanager
def served(
    server: Server,
    workers: int,
    settings: Mapping[str, Any],
    directory: Path,
    *,
    port: int | None = None,
    certificates: Any = None,
) -> Iterator[Running]:
    """Run a server for the length of a block, from when it answers."""
    port = free_port() if port is None else port
    arguments = server.arguments(port, workers)
    verify: Any = True
    if certificates is not None:
        files = ("--certfile", certificates.server, "--keyfile", certificates.server_key)
        arguments = [arguments[0], *files, *arguments[1:]]
        verify = ssl.create_default_context(cafile=certificates.ca)
    log = directory / f"{port}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, VARIABLE: json.dumps(dict(settings))},
            stdout=out,
            stderr=out,
            start_new_session=True,  # its workers are ended with it
        )
    scheme = "http" if certificates is None else "https"
    running = Running(f"{scheme}://127.0.0.1:{port}", process, log, verify)
    try:
        wait_for(running)
        yield running
    finally:
        _end(process)


def wait_for(running: Running, seconds: float = 30) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + seconds
    with running.client() as client:
        while True:
            try:
                if client.get("/me").status_code < 500:
                    return
            except httpx.TransportError:
                pass
            assert running.process.poll() is None, running.said
            assert time.monotonic() < until, running.said
            time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server, and what it has not ended of its own processes."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(timeout=5)
