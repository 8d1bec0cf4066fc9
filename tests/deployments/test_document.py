"""docs/operate/servers.md says of each server what was tried with it."""

from __future__ import annotations

from pathlib import Path

from .servers import SERVERS, Server

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "servers.md"


def row(name: str, server: Server) -> str:
    workers = ", ".join(map(str, server.workers))
    reload = "has none" if server.reload is None else f"{server.reload.name}: kept"
    kill = "worker: kept" if server.respawns else "server started again: kept"
    return f"| {name} | {workers} | kept | {reload} | {kill} |"


def test_the_table_has_what_the_tests_try() -> None:
    begun = PAGE.read_text().partition("| --- | --- | --- | --- | --- |\n")[2]
    rows = begun.partition("\n\n")[0].splitlines()
    assert rows == [row(name, server) for name, server in SERVERS.items()]
