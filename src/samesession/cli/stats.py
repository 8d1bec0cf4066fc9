"""The command that summarises all sessions."""

from __future__ import annotations

import click

from ..core.statistics import Spread, Statistics
from .output import counted, json_option, tell
from .progress import shown
from .running import CommandRunner

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def add_stats(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that summarises all sessions."""

    @sessions.command(
        "stats", help=("Show how many live sessions there are, of how many users, ...")
    )
    @json_option
    def stats(*, as_json: bool) -> None:
        found = runner.administer(lambda admin: shown("reading sessions", admin.statistics()))
        app_sessions = runner.app_sessions
        document = {
            "store": {"type": app_sessions.kind, "place": app_sessions.location},
            "sessions": found.sessions,
            "anonymous": found.anonymous,
            "owners": found.owners,
            "bytes": {**_document(found.bytes), "total": found.bytes.total},
            "age_seconds": _document(found.ages),
            "idle_seconds": _document(found.idle),
        }
        if app_sessions.config.migration.libraries:
            document["migrated"] = dict(found.migrated)
            document["waiting"] = dict(found.waiting)
        if app_sessions.config.device.is_on:
            counts = found.devices
            document["device_bound"] = {"bound": counts.bound, "unanswered": counts.unanswered}
        tell("\n".join(_lines(found, app_sessions.kind)), document, as_json=as_json)


def _document(spread: Spread) -> dict[str, int | None]:
    if not spread.count:
        return {"smallest": None, "median": None, "largest": None}
    return {
        "smallest": spread.smallest,
        "median": spread.median,
        "largest": spread.largest,
    }


def _lines(found: Statistics, kind: str) -> list[str]:
    told = _of_sessions(found, kind)
    for name, counts in (("migrated", found.migrated), ("waiting", found.waiting)):
        each = ", ".join(f"{count:,} of {library}" for library, count in sorted(counts.items()))
        told += [f"{name:12}{each}"] if each else []
    devices = found.devices
    if devices.bound or devices.unanswered:
        unanswered = f"{devices.unanswered:,} were offered it and are not"
        told.append(f"{'devices':12}{devices.bound:,} bound to one, {unanswered}")
    return told


def _of_sessions(found: Statistics, kind: str) -> list[str]:
    if not found.sessions:
        return [f"{'store':12}{kind}", "no live sessions"]
    owners = "too many to count" if found.owners is None else f"{found.owners:,}"
    told = [
        f"{'store':12}{kind}",
        f"{'sessions':12}{found.sessions:,}, {found.anonymous:,} of them without an owner",
        f"{'owners':12}{owners}",
        f"{'total':12}{counted(found.bytes.total, 'byte')}",
        "",
        f"{'':12}{'SMALLEST':>12}{'MEDIAN':>12}{'LARGEST':>12}",
        _row("bytes", [f"{each:,}" for each in _ends(found.bytes)]),
        _row("age", [*map(_duration, _ends(found.ages))]),
    ]
    if found.idle.count:
        told.append(_row("idle for", [*map(_duration, _ends(found.idle))]))
    return told


def _row(name: str, cells: list[str]) -> str:
    return f"{name:12}" + "".join(f"{each:>12}" for each in cells)


def _ends(spread: Spread) -> tuple[int, int, int]:
    return spread.smallest, spread.median, spread.largest


def _duration(seconds: int) -> str:
    """Return seconds for people, in the largest unit that fits at least twice."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
