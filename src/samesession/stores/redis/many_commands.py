"""Send many commands at once, and list keys, whatever client there is.

A Cluster's keys are on many nodes: each gets its share in one go, and SCAN goes from
one to the next. Knows clients and commands, no record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import redis
import redis.asyncio

from ...core.steps import Steps, wait
from .fence import Command, Fence

# Any: a client of redis-py or of ours, and what either answers; see stores.redis.
Client = Any

_PAGE = "1000"  # keys that SCAN looks at in one go
_PATTERNS = re.compile(r"[\\*?\[\]^]")


def execute(
    client: Client, commands: Sequence[Command], *, fenced: bool = False
) -> Steps[list[Any]]:
    """Send commands of one key each; give the answers in order, refusals among them.

    `fenced`: none is another question's, or InvalidResponse is raised; but a Cluster of
    redis-py's cannot have that.
    """
    if hasattr(client, "primaries"):  # a Cluster of ours
        found: list[Any] = yield from wait(client.execute_many(commands, fenced=fenced))
        return found
    if not fenced or isinstance(client, redis.RedisCluster | redis.asyncio.RedisCluster):
        return (yield from _sent(client, commands))
    # redis-py reads the answer to PING as a flag.
    fence = Fence(commands, echo="PING" if hasattr(client, "execute_many") else "ECHO")
    return fence.within((yield from _sent(client, fence.commands)))


def _sent(client: Client, commands: Sequence[Command]) -> Steps[list[Any]]:
    answers: list[Any]
    if hasattr(client, "execute_many"):
        answers = yield from wait(client.execute_many(commands))
        return answers
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers = yield from wait(pipeline.execute(raise_on_error=False))
    return answers


def scan(client: Client, prefix: str, after: str | None) -> Steps[tuple[Any, str | None]]:
    """Look at the next keys for those that begin with a prefix; tell where to go on.

    What is answered in place of keys is the caller's to check.
    """
    names = sorted((yield from _nodes(client)))
    name, _, cursor = (f"{names[0]} 0" if after is None else after).rpartition(" ")
    command = ("SCAN", cursor, "MATCH", _PATTERNS.sub(r"\\\g<0>", prefix) + "*", "COUNT", _PAGE)
    position, keys = yield from _ask(client, name, command)
    if isinstance(position, dict):  # redis-py tells it by node
        (position,) = cast("dict[str, Any]", position).values()
    if int(position):
        return keys, f"{name} {int(position)}"
    later = [each for each in names if each > name]
    return keys, f"{later[0]} 0" if later else None


def _nodes(client: Client) -> Steps[Sequence[str]]:
    """Name the nodes that have keys: one, without a name, where there is no Cluster."""
    if hasattr(client, "primaries"):
        names: Sequence[str] = yield from wait(client.primaries())
        return names
    if isinstance(client, redis.asyncio.RedisCluster):
        _ = yield from wait(cast("Any", client).initialize())
    elif not isinstance(client, redis.RedisCluster):
        return ("",)
    return [node.name for node in cast("Any", client).get_primaries()]


def _ask(client: Client, name: str, command: Command) -> Steps[Any]:
    if not name:
        return (yield from wait(client.execute_command(*command)))
    if hasattr(client, "primaries"):
        return (yield from wait(client.execute_at(name, *command)))
    node = client.get_node(node_name=name)
    return (yield from wait(client.execute_command(*command, target_nodes=node)))
