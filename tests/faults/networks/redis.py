"""Redis behind a proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samesession.core.store import Colour, Store
from samesession.stores.redis import RedisStore

from .base import Network


@dataclass
class RedisNetwork(Network):
    knows_garbage = False  # "+OK" is right for many questions
    garbage = (
        b"\x00" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$-7\r\n",
        b"$999999999999\r\nx",
        b"*-5\r\n",
        b":nonsense\r\n",
        b"+OK\r\n+OK\r\n+OK\r\n",
        b"$3\r\nfoo\r\n",
        b"*1000000\r\n$1\r\na\r\n",
    )
    pieces = (
        *(b"+OK\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b":1\r\n", b":0\r\n", b"_\r\n"),
        *(b"#t\r\n", b"*2\r\n", b"$4\r\nabcd\r\n", b"%1\r\n", b">1\r\n", b",nan\r\n"),
        *(b"(1\r\n", b"=5\r\ntxt:x\r\n", b"-ERR \xff\xfe\r\n", b"-\r\n", b"-NOAUTH x\r\n"),
        *(b"-MOVED 1 x:y\r\n", b"-ASK\r\n", b"\r\n", b"\x00", b"\xff\xfe", b"+\xff\r\n"),
        *(b"$1\r\n\xff\r\n", b"~1\r\n", b"|1\r\n", b"!1\r\nx\r\n"),
    )

    def store(self, port: int, colour: Colour, *, timeout: float) -> Store:
        return RedisStore(f"redis://127.0.0.1:{port}/0", timeout=timeout).open_for(colour)

    def store_that_says_more(self, port: int, colour: Colour, *, timeout: float) -> Store:
        url = f"redis://default:pass@127.0.0.1:{port}/0"
        return RedisStore(url, timeout=timeout).open_for(colour)

    def settings(self, port: int) -> dict[str, Any]:
        return {"SESSION_TYPE": "redis", "SESSION_REDIS": f"redis://127.0.0.1:{port}/0"}

    def may_say_gone(self, said: bytes) -> bool:
        return any(nil in said for nil in (b"$-1", b"_\r\n", b"*-1", b":0"))

    def answer_length(self, data: bytes) -> int:
        return resp_length(data)

    def value(self, key: str) -> bytes | None:
        found: bytes | None = self.part.server.value(key.encode())
        return found

    def seconds_left(self, key: str) -> float:
        return float(self.part.server.seconds_left(key))


def resp_length(data: bytes, at: int = 0) -> int:
    """Give where the answer that begins at a place ends, in RESP; 0 if it is not whole."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return 0
    kind, rest, after = data[at : at + 1], data[at + 1 : end], end + 2
    if kind in b"$=!":
        after += int(rest) + 2 if int(rest) >= 0 else 0
        return after if after <= len(data) else 0
    if kind in b"*~>%":
        for _ in range(int(rest) * (2 if kind == b"%" else 1)):
            after = resp_length(data, after)
            if not after:
                return 0
    return after
