"""Examine the setup of a Redis or Valkey: eviction, what a crash loses, and its clock.

It sends TIME, INFO and CONFIG GET. A server may refuse each of them: then that is the finding.
docs/stores/redis.md explains why each check matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...core.clock_difference import clock_finding, seconds_ahead
from ...core.findings import Finding, Level, not_looked_at
from ...core.steps import Steps, checkpoint
from ...core.store import Clock
from . import commands
from . import library_errors as errors
from .answers import Misread
from .client import Client
from .commands import Command

_OLDEST = (6, 2)
_FULL = 0.9  # of maxmemory
# The server's settings that determine what a crash or a failover loses.
_SETTINGS = ("appendfsync", "save", "min-replicas-to-write")


@dataclass(frozen=True, slots=True)
class Server:
    """The server's description of itself, as far as known. `ahead`: its clock, in seconds."""

    name: str
    info: Mapping[str, str] | None
    config: Mapping[str, str]
    ahead: float | None


def findings(client: Client, clock: Clock) -> Steps[Sequence[Finding]]:
    """Examine each server that has keys; if there are several, the worst finding counts."""
    servers: list[Server] = []
    for name in (yield from client.primaries()):
        yield from checkpoint()  # each server has the timeout of one operation
        servers.append((yield from _asked(client, name, clock)))
    return judged(servers)


def judged(servers: Sequence[Server]) -> list[Finding]:
    """Return the findings for servers that were asked."""
    return [_worst(check, servers) for check in _CHECKS]


def _worst(check: Callable[[Server], Finding], servers: Sequence[Server]) -> Finding:
    found = [(check(server), server.name) for server in servers]
    worst, name = max(found, key=lambda each: each[0].level)
    if len(servers) == 1 or worst.level is Level.OK:
        return worst
    return Finding(worst.check, worst.level, f"at {name}: {worst.what}", worst.write)


def _asked(client: Client, name: str, clock: Clock) -> Steps[Server]:
    before = clock()
    moment = yield from _unless_refused(client, name, commands.TIME)
    after = clock()
    info = yield from _unless_refused(client, name, commands.INFO)
    config: dict[str, str] = {}
    for setting in _SETTINGS:
        answer = yield from _unless_refused(client, name, commands.config(setting))
        config |= _pairs([] if answer is None else answer)
    return Server(
        name,
        None if info is None else _pairs(info),
        config,
        None if moment is None else seconds_ahead(_seconds(moment), before, after),
    )


def _unless_refused(client: Client, name: str, command: Command) -> Steps[Any]:
    """Return a server's answer; None if its ACL refuses, or a cloud has no such command."""
    try:
        return (yield from client.send_to(name, command))
    except errors.ResponseError:
        return None


# --- checks --------------------------------------------------------------------------------


def _clock(server: Server) -> Finding:
    if server.ahead is None:
        return not_looked_at("clock", "the server's clock (TIME)")
    return clock_finding(server.ahead)


def _version(server: Server) -> Finding:
    if server.info is None:
        return not_looked_at("redis.version", "the server's release (INFO)")
    release = server.info.get("redis_version", "")
    numbers = tuple(int(each) for each in release.split(".") if each.isdecimal())
    if numbers >= _OLDEST:
        return Finding("redis.version", Level.OK, f"the server speaks as Redis {release}")
    what = f"the server is Redis {release}, and lacks commands that each request needs"
    return Finding("redis.version", Level.ERROR, what, "install Redis 6.2 or later, or Valkey")


def _eviction(server: Server) -> Finding:
    write = "maxmemory-policy noeviction"
    if server.info is None:
        return not_looked_at("redis.eviction", "maxmemory-policy (INFO)", write)
    policy = server.info.get("maxmemory_policy", "")
    if policy == "noeviction":
        return Finding("redis.eviction", Level.OK, "the server drops no session to make room")
    if server.info.get("maxmemory", "0") == "0":
        what = f"once a maxmemory is set, the policy {policy} drops live sessions"
        return Finding("redis.eviction", Level.NOTICE, what, write)
    what = f"with the policy {policy} a flood of new sessions logs users out"
    return Finding("redis.eviction", Level.WARNING, what, write)


def _memory(server: Server) -> Finding:
    if server.info is None:
        return not_looked_at("redis.memory", "how much memory is left (INFO)")
    used, most = (_number(server.info, name) for name in ("used_memory", "maxmemory"))
    if not most or used < most * _FULL:
        return Finding("redis.memory", Level.OK, "the server has memory left")
    what = f"{used * 100 // most} % of maxmemory are in use: a full server refuses new sessions"
    return Finding("redis.memory", Level.WARNING, what, f"maxmemory {2 * most}")


def _persistence(server: Server) -> Finding:
    check, write = "redis.persistence", "appendonly yes"
    if server.info is None:
        return not_looked_at(check, "what a restart loses (INFO)", write)
    failed = [
        name
        for name in ("aof_last_write_status", "rdb_last_bgsave_status")
        if server.info.get(name, "ok") != "ok"
    ]
    if failed:
        what = f"the server could not write to its disk ({failed[0]})"
        return Finding(check, Level.ERROR, what, "look at the server's log, and at its disk")
    return _persistence_on_disk(server, check, write)


def _persistence_on_disk(server: Server, check: str, write: str) -> Finding:
    assert server.info is not None
    if server.info.get("aof_enabled") == "1":
        if server.config.get("appendfsync") == "no":
            what = "with appendfsync no a crash of the machine loses logins, and logouts"
            return Finding(check, Level.NOTICE, what, "appendfsync everysec")
        return Finding(check, Level.OK, "the server keeps all acknowledged writes (appendonly)")
    if server.config.get("save") == "":
        what = "sessions are only in the server's memory: a restart logs everyone out"
        return Finding(check, Level.WARNING, what, write)
    what = "a crash loses the logins since the last snapshot, and undoes the logouts"
    return Finding(check, Level.NOTICE, what, write)


def _replicas(server: Server) -> Finding:
    check, write = "redis.replicas", "min-replicas-to-write 1"
    if server.info is None:
        return not_looked_at(check, "whether the server has replicas (INFO)", write)
    if server.info.get("role", "master") != "master":
        return Finding(check, Level.ERROR, "the server is a replica, which takes no writes")
    if not _number(server.info, "connected_slaves"):
        return Finding(check, Level.OK, "the server has no replica that could replace it")
    if _number(server.config, "min-replicas-to-write"):
        return Finding(check, Level.OK, "a server without any replica refuses writes")
    what = "a server that is cut off from its replicas accepts writes that the failover loses"
    return Finding(check, Level.NOTICE, what, write)


_CHECKS = (_clock, _version, _eviction, _memory, _persistence, _replicas)


# --- servers' answers, in the form of redis-py or of our clients -----------------------


def _seconds(answer: object) -> float:
    match answer:
        case [bytes() | int() as seconds, bytes() | int() as microseconds]:
            return int(seconds) + int(microseconds) / 1e6
        case (int(seconds), int(microseconds)):
            return seconds + microseconds / 1e6
        case _:
            raise Misread


def _pairs(answer: object) -> dict[str, str]:
    """Read names with their values: from a mapping, a flat list, or INFO's text."""
    match answer:
        case bytes():
            lines = answer.decode("utf-8", "replace").splitlines()
            return dict(_halves(line) for line in lines if ":" in line)
        case dict():
            pairs = cast("dict[object, object]", answer).items()
            return {_text(name): _text(value) for name, value in pairs}
        case list():
            words = [*map(_text, cast("list[object]", answer))]
            return dict(zip(words[::2], words[1::2], strict=False))
        case _:
            raise Misread


def _halves(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(found: Mapping[str, str], name: str) -> int:
    value = found.get(name, "")
    return int(value) if value.isdecimal() else 0
