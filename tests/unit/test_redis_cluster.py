"""The map of a Cluster's slots: learnt once for all who ask at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from samesession.errors import place_of
from samesession.run.aio import arun
from samesession.stores.redis import cluster as redis_cluster
from samesession.stores.redis.cluster import SLOTS, Cluster
from samesession.stores.redis.commands import Command, get, run_script
from samesession.stores.redis.scripts import COMMIT
from samesession.stores.redis.single import SingleClient
from samesession.stores.redis.url import Address

NODES = (("a", 1), ("b", 2))
HALVES = [[0, 8191, [b"a", 1]], [8192, SLOTS - 1, [b"b", 2]]]


class Answering:
    """The connection to one node, whose answers a test gives."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows
        self.asked: list[Any] = []

    async def execute(self, command: Command) -> Any:
        self.asked.append(command[0])
        await asyncio.sleep(0)
        if command[0] == "CLUSTER":
            return self.rows
        if not isinstance(command[-1], str):
            raise TypeError("no such argument")
        return command[-1].encode()


@pytest.fixture
def read_maps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    read: list[Any] = []
    real = redis_cluster._map

    def counted(answer: Any, asked: Address) -> list[Address | None]:
        read.append(answer)
        return real(answer, asked)

    monkeypatch.setattr(redis_cluster, "_map", counted)
    return read


def cluster(rows: list[Any]) -> tuple[Cluster, dict[Address, Answering]]:
    nodes: dict[Address, Answering] = {}

    def connect(node: Address) -> SingleClient:
        connections: Any = nodes.setdefault(node, Answering(rows))  # what is asked of one here
        return SingleClient(connections)

    return Cluster(NODES, connect), nodes


async def answer(made: Cluster, key: str) -> Any:
    return await arun(made.send(get(key)))


@pytest.mark.asyncio
async def test_many_that_ask_at_once_read_the_map_once(read_maps: list[Any]) -> None:
    made, _ = cluster(HALVES)
    keys = [f"key {number}" for number in range(500)]
    assert await asyncio.gather(*(answer(made, key) for key in keys)) == [
        key.encode() for key in keys
    ]
    assert len(read_maps) == 1


@pytest.mark.asyncio
async def test_a_slot_that_no_node_had_is_looked_for_again(read_maps: list[Any]) -> None:
    rows = [HALVES[0]]
    made, _ = cluster(rows)
    with pytest.raises(Exception, match="no node has the slot"):
        await answer(made, "foo")  # its slot is 12182
    rows.append(HALVES[1])
    assert await answer(made, "foo") == b"foo"
    assert len(read_maps) == 2


@pytest.mark.asyncio
async def test_what_cannot_be_sent_leaves_the_map_as_it_is(read_maps: list[Any]) -> None:
    made, _ = cluster(HALVES)
    for argument in (None, 3):
        with pytest.raises(TypeError):
            await arun(made.send(run_script(COMMIT, "foo", argument)))  # type: ignore[arg-type]
    assert await answer(made, "foo") == b"foo"
    assert len(read_maps) == 1


@pytest.mark.asyncio
async def test_a_refusal_leaves_the_map_and_a_node_that_is_down_does_not(
    read_maps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, nodes = cluster(HALVES)
    assert await answer(made, "foo") == b"foo"
    owner = nodes["b", 2]
    for error, maps in ((ResponseError("WRONGTYPE"), 1), (ConnectionResetError(), 2)):
        with monkeypatch.context() as failing:

            async def fail(*_: Any, error: Exception = error) -> Any:
                raise error

            failing.setattr(owner, "execute", fail)
            with pytest.raises(type(error)):
                await answer(made, "foo")
        assert await answer(made, "foo") == b"foo"
        assert len(read_maps) == maps


@pytest.mark.asyncio
@pytest.mark.parametrize("many", [False, True])
async def test_a_failure_names_the_node(monkeypatch: pytest.MonkeyPatch, *, many: bool) -> None:
    made, nodes = cluster(HALVES)
    await answer(made, "foo")  # its node is b

    async def lost(_: object) -> Any:
        raise ConnectionResetError

    monkeypatch.setattr(nodes["b", 2], "execute", lost)
    monkeypatch.setattr(nodes["b", 2], "execute_many", lost, raising=False)
    with pytest.raises(ConnectionResetError) as caught:
        _ = await arun(made.send_many([get("foo")]) if many else made.send(get("foo")))
    assert place_of(caught.value) == "b:2"
