"""Time the parts that a request is made of, and the floor that Redis sets."""

from __future__ import annotations

import asyncio
import pickle
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

from samesession.core import codec
from samesession.core.flow import Flow
from samesession.core.memo import Memo
from samesession.core.policy import Rules
from samesession.core.record import Sealer
from samesession.core.store import Lifetimes
from samesession.core.token import TokenSigner
from samesession.run.sync import run
from samesession.stores.memory import MemoryStore

from .cases import Effort
from .data import session_of

Act = Callable[[], object]
_KEY = b"a key of the benchmarks, 32 bytes"[:32]
_NAMED = ("session:", "session")
_TIMES = 300


def timed(acts: Mapping[str, Act], effort: Effort) -> dict[str, float]:
    """Give the median CPU microseconds of each, measured in turns."""
    rows: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(effort.rounds):
        for name, act in acts.items():
            started = time.process_time()
            for _ in range(_TIMES):
                _ = act()
            rows[name].append((time.process_time() - started) / _TIMES * 1e6)
    return {name: median(row) for name, row in rows.items()}


def codecs(effort: Effort) -> dict[str, float]:
    """Encode and decode 2 kB in our codec, in Flask's tagged JSON, msgspec and pickle."""
    data = session_of(2.0)
    pairs: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "ours": (codec.encode, codec.decode),
        "pickle": (pickle.dumps, pickle.loads),
    }
    if find_spec("flask") is not None:
        tagged: Any = import_module("flask.json.tag").TaggedJSONSerializer()
        pairs["Flask's tagged JSON"] = (tagged.dumps, tagged.loads)
    if find_spec("msgspec") is not None:
        msgpack: Any = import_module("msgspec").msgpack
        pairs["msgspec's MessagePack"] = (msgpack.Encoder().encode, msgpack.Decoder().decode)
    acts: dict[str, Act] = {}
    for name, (encode, decode) in pairs.items():
        raw = encode(data)
        acts[f"{name}: encode"] = _bound(encode, data)
        acts[f"{name}: decode"] = _bound(decode, raw)
    return timed(acts, effort)


def _bound(func: Callable[[Any], Any], argument: object) -> Act:
    return lambda: func(argument)


def parts(effort: Effort) -> dict[str, float]:
    """Read and write a token, open and save with a store that costs nothing."""
    signer = TokenSigner([_KEY], *_NAMED, entropy=secrets.token_bytes)
    signed = signer.mint()
    remembering = TokenSigner([_KEY], *_NAMED, entropy=secrets.token_bytes, proofs=Memo(1 << 20))
    flow = Flow(
        store=MemoryStore(),
        rules=Rules("session:", Lifetimes(3600, 3600), None, True, False, 1 << 20),
        signer=signer,
        sealer=Sealer([_KEY], *_NAMED, max_bytes=1 << 20),
        clock=time.time,
        notify=lambda *_: None,
    )
    value = _begun(flow)

    def read() -> None:
        session = run(flow.open([value]))
        _ = session["user"]
        _ = run(flow.close(session))

    def write() -> None:
        session = run(flow.open([value]))
        session["counter"] += 1
        _ = run(flow.close(session))

    return timed(
        {
            "token: read": lambda: signer.read(signed.value),
            "token: read, remembered": lambda: remembering.read(signed.value),
            "token: mint and sign": signer.mint,
            "memory store, 2 kB: open, read, close": read,
            "memory store, 2 kB: open, write, close": write,
        },
        effort,
    )


def _begun(flow: Flow) -> str:
    session = run(flow.open([]))
    session.update(session_of(2.0))
    cookie: Any = run(flow.close(session)).cookie
    return str(cookie.value)


def floors(url: str, effort: Effort) -> dict[str, float]:
    """Give the CPU microseconds of one GET of 2 kB by different clients."""
    import redis

    client = redis.Redis.from_url(url)
    _ = client.set("floor", b"x" * 2000)
    found = timed({"redis-py: GET": lambda: client.get("floor")}, effort)
    client.close()
    with asyncio.Runner() as runner:
        for name, cost in _async_floors(url, runner, effort):
            found[name] = cost
    return found


def _async_floors(url: str, runner: asyncio.Runner, effort: Effort) -> Iterator[tuple[str, float]]:
    import redis.asyncio

    ours: Any = import_module("samesession.stores.redis.multiplexed").MultiplexedConnection

    def theirs() -> _Floor:
        client: Any = redis.asyncio.Redis.from_url(url)
        return _Floor(lambda: client.get("floor"), client.aclose)

    def multiplexed() -> _Floor:
        made = ours(redis.asyncio.ConnectionPool.from_url(url, protocol=2), timeout=2.0)
        return _Floor(lambda: made.execute(("GET", "floor")), made.close)

    clients = {"redis.asyncio": theirs, "multiplexed hiredis": multiplexed}
    for name, make in clients.items():
        for width in (1, 32):
            cost = runner.run(_gets(make, width, effort))
            yield f"{name}: GET, {width} at a time", cost


class _Floor(NamedTuple):
    get: Callable[[], Awaitable[Any]]
    close: Callable[[], Awaitable[Any]]


async def _gets(make: Callable[[], _Floor], width: int, effort: Effort) -> float:
    client = make()

    async def some() -> None:
        for _ in range(effort.requests // width):
            _ = await client.get()

    costs: list[float] = []
    for _ in range(effort.rounds):
        started = time.process_time()
        _ = await asyncio.gather(*[some() for _ in range(width)])
        total = effort.requests // width * width
        costs.append((time.process_time() - started) / total * 1e6)
    _ = await client.close()
    return median(costs)
