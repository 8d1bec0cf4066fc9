"""memcached behind a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samesession.core.store import Colour, Store
from samesession.stores.memcached import MemcachedStore

from .base import Network

# What a record may come with that no number is made of.
_FLAGS = (b"", b"c", b"cx t-1", b"c1 tx", b"c-1 t", b"c\xff t\xff", b"t-1", b"c1 t0")


@dataclass
class MemcachedNetwork(Network):
    garbage = (
        b"\x00" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"VA\r\n",
        b"VA -7\r\n",
        b"VA 3 c1 t-1\r\nfoobar\r\n",
        b"VA 999999999999\r\nx",
        b"VA 3\r\nfoo",
        b"EN\r\nEN\r\n",
        b"HD c\r\n",
        b"STORED\r\nSTORED\r\n",
        b"x" * 5000,
    )
    pieces = (
        *(b"EN\r\n", b"HD\r\n", b"HD c1 t-1\r\n", b"NS\r\n", b"EX\r\n", b"NF\r\n", b"MN\r\n"),
        *(b"VA 4 c1 t-1\r\nabcd\r\n", b"VA 0\r\n\r\n", b"VA 4 t\r\nabcd\r\n"),
        *(b"VA 1 cx\r\n\xff\r\n", b"STORED\r\n", b"NOT_STORED\r\n", b"EXISTS\r\n"),
        *(b"NOT_FOUND\r\n", b"END\r\n", b"OK\r\n", b"ERROR\r\n", b"CLIENT_ERROR \xff\r\n"),
        *(b"SERVER_ERROR out of memory\r\n", b"\r\n", b"\x00", b"\xff\xfe", b" \r\n"),
        *(b"\n", b"VALUE k 0 1\r\n"),
    )

    def store(self, port: int, colour: Colour, *, timeout: float) -> Store:
        return MemcachedStore(f"127.0.0.1:{port}", timeout=timeout)

    def settings(self, port: int) -> dict[str, Any]:
        return {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": f"127.0.0.1:{port}"}

    def answers_with(self, raw: bytes) -> Sequence[bytes]:
        return [b"VA %d %b\r\n%b\r\n" % (len(raw), flags, raw) for flags in _FLAGS]

    def may_say_gone(self, said: bytes) -> bool:
        return any(word in said for word in (b"EN", b"NF", b"NOT_FOUND"))

    def answer_length(self, data: bytes) -> int:
        end = data.find(b"\r\n")
        if end < 0:
            return 0
        words = data[:end].split()
        after = end + 2 + (int(words[1]) + 2 if words[:1] == [b"VA"] else 0)
        return after if after <= len(data) else 0

    def value(self, key: str) -> bytes | None:
        found: bytes | None = self.part.server.value(key.encode())
        return found

    def seconds_left(self, key: str) -> float:
        return float(self.part.server.seconds_left(key))
