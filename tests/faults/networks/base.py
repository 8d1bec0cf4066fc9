"""What differs from store to store where a server is behind a network that fails.

The tests are the same for all of them: test_network.py, test_network_requests.py. To add a
store, add a module here with its `Network`, and name it in `NETWORKS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, cast

from samesession.core.store import Colour, Store
from tests.faults.proxy import NETWORK, Fault
from tests.support.backend import Part

NETWORKS = {
    "redis": "redis:RedisNetwork",
    "memcached": "memcached:MemcachedNetwork",
    "mongodb": "mongodb:MongoNetwork",
    "dynamodb": "dynamodb:DynamoDBNetwork",
}


@dataclass
class Network:
    """How the tests reach a store through a proxy, and what its server might say."""

    part: Part

    # Seconds for an operation, where a test waits for them to pass.
    timeout: ClassVar[float] = 0.4
    # The same where it does so again and again.
    brief: ClassVar[float] = 0.1
    # The same where nothing has to wait for it: the machine may be busy.
    unhurried: ClassVar[float] = 0.4
    # What a server of this kind never says, or not to what is asked.
    garbage: ClassVar[Sequence[bytes]]
    # What a server says, or might; the tests put such pieces together by chance.
    pieces: ClassVar[Sequence[bytes]]
    # How often they do, in a usual run and in a long one.
    rounds: ClassVar[tuple[int, int]] = (60, 2000)
    # Every so many bytes a connection is cut, in a usual run; a long one leaves none out.
    stride: ClassVar[int] = 1
    # Seconds after which it is back when a fault is over.
    recovery: ClassVar[float] = 1.0
    # Whether a read whose answer is lost is sent again.
    reads_again: ClassVar[bool] = True
    # Whether a connection on which garbage came is not used again.
    drops_garbled: ClassVar[bool] = True
    # Whether an answer of the kind must also fit its question, so that none is true by chance.
    knows_garbage: ClassVar[bool] = True
    # Whether its client leaves sockets to the garbage collector, which warns of them.
    leaves_sockets: ClassVar[bool] = False
    # Faults that outlast an operation's limit, where the docs admit it.
    unbounded: ClassVar[frozenset[tuple[str, Colour]]] = frozenset()

    @property
    def port(self) -> int:
        """The server's own port, which the proxy stands before."""
        port: int = self.part.server.port
        return port

    @classmethod
    def faults(cls) -> dict[str, Fault]:
        """Give what goes wrong, by name: the network's faults, and garbage."""
        slow = Fault(delay=cls.timeout * 2.5)
        said = {f"garbage-{at}": Fault(garbage=each) for at, each in enumerate(cls.garbage)}
        return {**NETWORK, "slow": slow, **said}

    def store(self, port: int, colour: Colour, *, timeout: float) -> Store:
        """Open a store whose server is at a port."""
        raise NotImplementedError

    def store_that_says_more(self, port: int, colour: Colour, *, timeout: float) -> Store:
        """The same, with more said to the server when it connects, if that can be."""
        return self.store(port, colour, timeout=timeout)

    def settings(self, port: int) -> dict[str, Any]:  # Any: app.config
        """Give an application's settings for the same."""
        raise NotImplementedError

    def answers_with(self, raw: bytes) -> Sequence[bytes]:
        """Give answers that have a record in them, and are wrong in other ways."""
        return ()

    def may_say_gone(self, said: bytes) -> bool:
        """Say whether there is a true answer in what was said by which a record is gone."""
        raise NotImplementedError

    def answer_length(self, data: bytes) -> int:
        """Give where the server's first answer ends; 0 if it is not whole yet."""
        raise NotImplementedError

    def value(self, key: str) -> bytes | None:
        """Give what is stored under a key."""
        raise NotImplementedError

    def seconds_left(self, key: str) -> float:
        """Give the time after which it expires; not above 0 for never."""
        raise NotImplementedError


def network_of(name: str) -> type[Network]:
    """Import what is particular to a store."""
    module, _, attribute = NETWORKS[name].partition(":")
    found = getattr(import_module(f"tests.faults.networks.{module}"), attribute)
    return cast("type[Network]", found)
