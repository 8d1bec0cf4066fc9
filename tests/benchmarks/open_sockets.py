"""How long a socket is open when its session has ended in another process, and what it costs.

python -m tests.benchmarks.open_sockets [STORE...]

A process of Quart has a socket for each of 1,000 sessions; one of Flask ends 200 of them at odd
moments. Times are from the call of `revoke_all` there to the close that the server is given here.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.races.workers import RealTime
from tests.support.backend import Backend, Servers
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket

ROOT = Path(__file__).parents[2]
STORES = ("redis", "filesystem", "sqlite")
SOCKETS, ENDED, PAUSE = 1000, 200, 0.1
WATCHED = 10.0  # seconds in which only the watcher works
_SIZE = 500  # bytes of data in a session

ENDER = """
import json, sys, time
from samesession.run.sync import run
from tests.races.workers import RealTime
from tests.support.site import Site
site = Site("flask", json.loads(sys.argv[1]), clock=RealTime())
administration = site.app.session_interface.app_sessions.administration
print("ready", flush=True)
for line in sys.stdin:
    began = time.monotonic()
    run(administration.revoke_all(line.strip()))
    print(line.strip(), began, flush=True)
"""


class _Timed(Socket):
    """A socket that notes when it is closed."""

    closed_at = 0.0

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.closed_at = time.monotonic()
        await super()._send(message)


@contextmanager
def _backend(name: str) -> Iterator[Backend]:
    with Servers() as servers, tempfile.TemporaryDirectory() as directory:
        yield Backend(
            name, clock=RealTime(), directory=Path(directory, "sessions"), servers=servers
        )


async def _opened(site: Site) -> dict[str, _Timed]:
    async def handler() -> None:
        await site.web.websocket.send("ready")
        await asyncio.Event().wait()

    site.app.websocket("/socket")(handler)
    sockets: dict[str, _Timed] = {}
    for number in range(SOCKETS):
        visitor: Visitor = site.visitor()
        data = random.randbytes(_SIZE)
        await visitor.visit(lambda s, n=number, d=data: (s.update(data=d), s.bind(f"user{n}")))
        sockets[f"user{number}"] = _Timed(visitor)
        _ = await sockets[f"user{number}"].said()
    return sockets


async def _cost(seconds: float) -> float:
    """Give the share of a core that this process takes."""
    began, used = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - used) / (time.monotonic() - began)


async def _end_some(settings: dict[str, Any], sockets: dict[str, _Timed]) -> list[float]:
    """End sessions from another process; give how many seconds each socket was open."""
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENDER, json.dumps(settings)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    _ = await other.stdout.readline()
    began: dict[str, float] = {}
    for user in random.sample([*sockets], ENDED):
        await asyncio.sleep(PAUSE * 2 * random.random())
        other.stdin.write(f"{user}\n".encode())
        name, at = (await other.stdout.readline()).split()
        began[name.decode()] = float(at)
    for user in began:
        await asyncio.wait_for(asyncio.shield(sockets[user].task), 30)
    other.stdin.close()
    _ = await other.wait()
    return [sockets[user].closed_at - at for user, at in began.items()]


async def _measure(name: str) -> None:
    with _backend(name) as backend:
        shares: list[float] = []
        for closes in (False, True):
            settings = {**backend.settings, "SESSION_CLOSE_SOCKETS": closes}
            site = Site("quart", settings, clock=RealTime())
            sockets = await _opened(site)
            await asyncio.sleep(2)
            shares.append(await _cost(WATCHED))
            if closes:
                times = sorted(await _end_some(backend.settings, sockets))
                p95 = times[int(len(times) * 0.95) - 1]
                print(
                    f"{name}: median {statistics.median(times):.3f} s, p95 {p95:.3f} s, "
                    f"worst {times[-1]:.3f} s of {len(times)}; "
                    f"{(shares[1] - shares[0]) * 100:.1f} % of a core"
                )
            for each in sockets.values():
                each.leave()
            _ = await asyncio.wait([each.task for each in sockets.values()])
            await site.close()
            backend.part.empty()


if __name__ == "__main__":
    for store in sys.argv[1:] or STORES:
        asyncio.run(_measure(store))
