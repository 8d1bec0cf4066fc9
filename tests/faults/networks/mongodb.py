"""MongoDB behind a proxy."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import Any

import bson

from samesession.core.store import Colour, Store
from samesession.stores.mongodb import MongoStore
from tests.support.mongodb import DATABASE

from .base import Network

_OP_REPLY, _OP_MSG = 1, 2013


def _message(
    body: bytes, *, size: int | None = None, answers: int = 0, code: int = _OP_MSG
) -> bytes:
    """Make a message of MongoDB's, or one that says a wrong size."""
    length = 16 + len(body) if size is None else size
    return struct.pack("<iiii", length, 7, answers, code) + body


def _document(**fields: Any) -> bytes:  # Any: as BSON has them
    """Make the body of an answer with one document."""
    return b"\x00\x00\x00\x00\x00" + bson.encode(fields)


_ANSWER = _document(ok=1.0, cursor={"id": 0, "ns": "x.y", "firstBatch": []})


@dataclass
class MongoNetwork(Network):
    timeout = 1.0  # a server in Python may be slow on a busy machine
    brief = 0.5
    unhurried = 4.0
    rounds = (12, 400)  # each has a client of its own, which first looks at the server
    stride = 31
    # Its client looks at the server again half a second after its last look has run out.
    recovery = 2.5
    leaves_sockets = True  # pymongo's, for asyncio, when a connection attempt is given up
    garbage = (
        b"\x00" * 64,
        b"\x07" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        _message(b"", size=-1),
        _message(b"", size=2**31 - 1),
        _message(_ANSWER),  # to another question
        _message(b"\x00" * 5 + b"\xff" * 20),
        _message(_ANSWER, code=77),
        _message(_ANSWER[:-4], size=16 + len(_ANSWER)),
    )
    pieces = (
        *(_message(_ANSWER), _message(_document(ok=0.0, code=11600, errmsg="interrupted"))),
        *(_message(_document()), _message(_document(ok="?")), _message(b"\x00" * 5)),
        *(_message(b"\xff" * 40), _message(_ANSWER, code=_OP_REPLY), _message(b"", size=3)),
        *(_message(_ANSWER, size=2**30), _message(_ANSWER, size=20), b"\x00", b"\xff\xfe"),
        *(b"\x10\x00\x00\x00", b"\r\n"),
    )

    def store(self, port: int, colour: Colour, *, timeout: float) -> Store:
        return MongoStore(_url(port), database=DATABASE, timeout=timeout).open_for(colour)

    def settings(self, port: int) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "mongodb",
            "SESSION_MONGODB": _url(port),
            "SESSION_MONGODB_DB": DATABASE,
        }

    def may_say_gone(self, said: bytes) -> bool:
        return False  # an answer has the number of its question

    def answer_length(self, data: bytes) -> int:
        length = int.from_bytes(data[:4], "little") if len(data) >= 4 else 0
        return length if 0 < length <= len(data) else 0

    def value(self, key: str) -> bytes | None:
        found = self.part.server.records.find_one({"_id": key})
        return None if found is None else bytes(found["record"])

    def seconds_left(self, key: str) -> float:
        found = self.part.server.records.find_one({"_id": key})
        return float(found["expires"].timestamp() - time.time())


def _url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"
