"""What `doctor` says of a Redis, by what that says of itself."""

from __future__ import annotations

import pytest

from samesession.core.findings import Finding, Level
from samesession.stores.redis.examination import Server, judged

INFO = {
    "redis_version": "7.2.4",
    "maxmemory": "1000",
    "maxmemory_policy": "noeviction",
    "used_memory": "899",
    "aof_enabled": "1",
    "role": "master",
    "connected_slaves": "0",
}
CONFIG = {"appendfsync": "everysec", "save": "", "min-replicas-to-write": "0"}
CHECKS = {
    "clock",
    "redis.eviction",
    "redis.memory",
    "redis.persistence",
    "redis.replicas",
    "redis.version",
}


def server(
    info: dict[str, str] | None, config: dict[str, str] | None = None, ahead: float | None = 0
) -> Server:
    told = None if info is None else {**INFO, **info}
    return Server("", told, {**CONFIG, **(config or {})}, ahead)


def found(name: str, *servers: Server) -> Finding:
    (finding,) = (each for each in judged(servers) if each.check == name)
    return finding


def test_a_server_that_is_as_it_should_be_is_well() -> None:
    findings = judged([server({})])
    assert {each.check for each in findings} == CHECKS
    assert {each.level for each in findings} == {Level.OK}
    assert {each.write for each in findings} == {""}


@pytest.mark.parametrize(
    ("check", "info", "config", "level", "write"),
    [
        ("redis.version", {"redis_version": "6.0.16"}, {}, Level.ERROR, "Redis 6.2"),
        (
            "redis.eviction",
            {"maxmemory_policy": "allkeys-lru"},
            {},
            Level.WARNING,
            "maxmemory-policy noeviction",
        ),
        (
            "redis.eviction",
            {"maxmemory_policy": "volatile-ttl", "maxmemory": "0"},
            {},
            Level.NOTICE,
            "maxmemory-policy noeviction",
        ),
        ("redis.memory", {"used_memory": "900"}, {}, Level.WARNING, "maxmemory 2000"),
        ("redis.persistence", {"aof_last_write_status": "err"}, {}, Level.ERROR, "disk"),
        ("redis.persistence", {"rdb_last_bgsave_status": "err"}, {}, Level.ERROR, "disk"),
        ("redis.persistence", {"aof_enabled": "0"}, {}, Level.WARNING, "appendonly yes"),
        (
            "redis.persistence",
            {"aof_enabled": "0"},
            {"save": "3600 1"},
            Level.NOTICE,
            "appendonly yes",
        ),
        ("redis.persistence", {}, {"appendfsync": "no"}, Level.NOTICE, "appendfsync everysec"),
        ("redis.replicas", {"connected_slaves": "1"}, {}, Level.NOTICE, "min-replicas-to-write 1"),
        ("redis.replicas", {"role": "slave"}, {}, Level.ERROR, ""),
    ],
)
def test_what_is_wrong_is_told(
    check: str, info: dict[str, str], config: dict[str, str], level: Level, write: str
) -> None:
    finding = found(check, server(info, config))
    assert finding.level is level
    assert write in finding.write


def test_a_server_that_stops_without_replicas_is_well() -> None:
    chosen = server({"connected_slaves": "1"}, {"min-replicas-to-write": "1"})
    assert found("redis.replicas", chosen).level is Level.OK
    no_limit = server({"maxmemory": "0", "used_memory": "10000"})
    assert found("redis.memory", no_limit).level is Level.OK


def test_a_clock_that_is_off_is_told() -> None:
    assert found("clock", server({}, ahead=-61)).level is Level.ERROR


def test_what_a_server_does_not_say_is_told() -> None:
    closed = judged([Server("", None, {}, None)])
    assert {each.check for each in closed} == CHECKS
    assert {each.level for each in closed} == {Level.NOTICE}
    assert all("could not be examined" in each.what for each in closed)


def test_of_several_servers_the_worst_one_is_named() -> None:
    well, full = server({}), Server("10.0.0.2:7001", {**INFO, "used_memory": "999"}, CONFIG, 0)
    finding = found("redis.memory", well, full)
    assert finding.level is Level.WARNING
    assert finding.what.startswith("at 10.0.0.2:7001: 99 % of maxmemory")
    assert found("redis.memory", well, well).what == "the server has memory left"
