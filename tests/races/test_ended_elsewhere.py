"""A real second process, of Flask, ends sessions; sockets of this one, of Quart, are closed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.site import Site
from tests.support.sockets import Socket

from .workers import RealTime

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("flask", "quart"),
    pytest.mark.stores("filesystem", "redis", "sqlite", "sqlalchemy-sqlite"),
]

ROOT = Path(__file__).parents[2]
WITHIN = {"redis": 0.5}  # seconds, as the documentation promises; 2 of others
ELSE = 2.0
SLACK = 1.0  # on a machine that is busy with other tests

ENDER = """
import json, sys
from samesession.run.sync import run
from tests.races.workers import RealTime
from tests.support.site import Site
site = Site("flask", json.loads(sys.argv[1]), clock=RealTime())
administration = site.app.session_interface.app_sessions.administration
print("ready", flush=True)
for line in sys.stdin:
    print(run(administration.revoke_all(line.strip())), flush=True)
"""


async def test_a_logout_in_another_process_closes_the_socket(backend: Backend) -> None:
    site = Site("quart", {**backend.settings, "SESSION_CLOSE_SOCKETS": True}, clock=RealTime())

    async def socket() -> None:
        await site.web.websocket.send("ready")
        await asyncio.Event().wait()

    site.app.websocket("/socket")(socket)
    sockets: dict[str, Socket] = {}
    for user in ("ann", "bob"):
        visitor = site.visitor()
        await visitor.visit(lambda session, user=user: session.bind(user))
        sockets[user] = Socket(visitor)
        assert await sockets[user].said() == "ready"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENDER, json.dumps(backend.settings)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"ready\n"
    began = time.monotonic()
    other.stdin.write(b"ann\n")
    assert await other.stdout.readline() == b"1\n"
    await sockets["ann"].over()
    took = time.monotonic() - began
    other.stdin.close()
    _ = await other.wait()
    assert took < WITHIN.get(backend.name, ELSE) + SLACK
    codes = [each["code"] for each in sent(sockets["ann"]) if each["type"] == "websocket.close"]
    assert codes == [4401]
    assert not sockets["bob"].task.done()
    await sockets["bob"].left()
    await site.close()


def sent(socket: Socket) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not socket._sent.empty():
        found.append(socket._sent.get_nowait())
    return found
