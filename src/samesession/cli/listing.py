"""The commands that list sessions, and show one of them."""

from __future__ import annotations

import click

from ..core.admin import Administration
from ..core.contents import Entry
from ..core.session_info import SessionInfo
from ..core.steps import Steps
from ..core.stored import StoredSession
from .arguments import owner_argument, sid_argument
from .output import ExitCode, counted, end, iso, json_option, moment, safe, tell
from .running import CommandRunner

_PAGE = 200  # sessions held in memory at once
_HEAD = f"{'SID':22}  {'CREATED':20}  {'LAST SEEN':20}  {'EXPIRES':20}"


def add_list(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that lists a user's sessions, or all."""

    @sessions.command(
        "list", help=("List the live sessions of a user, or of everyone without OWNER.")
    )
    @click.argument("owner", required=False, callback=owner_argument)
    @json_option
    def list_sessions(owner: str | None, *, as_json: bool) -> None:
        told = _Told(as_json=as_json, of_devices=runner.app_sessions.config.device.is_on)
        if owner is not None:
            for each in runner.administer(lambda admin: admin.sessions_of(owner)):
                told.add(each)
        else:
            runner.administer(lambda admin: _all(admin, told))
        if not told.count and not as_json:
            click.echo("no live sessions")


class _Told:
    """Writes one session a line, with a head above the first line."""

    def __init__(self, *, as_json: bool, of_devices: bool) -> None:
        self._as_json = as_json
        self._of_devices = of_devices
        self.count = 0

    def add(self, info: SessionInfo) -> None:
        """Write a session."""
        if not self.count and not self._as_json:
            click.echo("  ".join([_HEAD, *(["BOUND"] if self._of_devices else []), "OWNER  LABEL"]))
        self.count += 1
        times = (moment(when) for when in (info.created, info.last_seen, info.expires))
        names = (safe(name) if name else "-" for name in (info.owner, info.label))
        bound = [f"{'yes' if info.device_bound else '-':5}"] if self._of_devices else []
        line = "  ".join([f"{info.sid:22}", *(f"{each:20}" for each in times), *bound, *names])
        tell(line, document_of(info), as_json=self._as_json)


def _all(admin: Administration, told: _Told) -> Steps[None]:
    after: str | None = None
    while True:
        page = yield from admin.all_sessions(after=after, limit=_PAGE)
        for each in page.sessions:
            told.add(each)
        after = page.after
        if after is None:
            return


def document_of(info: SessionInfo) -> dict[str, object]:
    """Return what may be shown of a session, for programs."""
    return {
        "sid": info.sid,
        "owner": info.owner,
        "label": info.label,
        "created": iso(info.created),
        "authenticated": iso(info.authenticated),
        "last_seen": iso(info.last_seen),
        "expires": iso(info.expires),
        "device_bound": info.device_bound,
    }


# --- one session ---------------------------------------------------------------------------


def add_show(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that shows one session."""

    @sessions.command(
        "show",
        help="Show one session: its owner, its times, and the names, types and sizes of its data. "
        "The exit status is 1 if there is none.",
        # One sid in 64 starts with "-", and must not be taken for an option.
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("sid", callback=sid_argument)
    @click.option("--values", "with_values", is_flag=True, help="Show the values, too.")
    @json_option
    def show(sid: str, *, with_values: bool, as_json: bool) -> None:
        found = runner.administer(lambda admin: admin.stored(sid))
        if found is None:
            click.echo("no live session has this sid", err=True)
            end(ExitCode.NOTHING)
            return
        document = {
            **document_of(found.info),
            "permanent": found.permanent,
            "bytes": found.size,
            "data": [_entry(each, with_value=with_values) for each in found.entries],
        }
        text = "\n".join(_lines(found, with_values=with_values))
        tell(text, document, as_json=as_json)


def _entry(entry: Entry, *, with_value: bool) -> dict[str, object]:
    found: dict[str, object] = {"name": entry.name, "type": entry.kind, "bytes": entry.size}
    return {**found, "value": repr(entry.value)} if with_value else found


def _lines(found: StoredSession, *, with_values: bool) -> list[str]:
    info = found.info
    known = {
        "sid": str(info.sid),
        "owner": safe(info.owner or "-"),
        "label": safe(info.label or "-"),
        "created": moment(info.created),
        "authenticated": moment(info.authenticated),
        "last seen": moment(info.last_seen),
        "expires": moment(info.expires),
        "device bound": "yes" if info.device_bound else "no",
        "permanent": "yes" if found.permanent else "no",
        "size": counted(found.size, "byte"),
    }
    told = [f"{name:15}{value}" for name, value in known.items()]
    if not found.entries:
        return [*told, "", "no data"]
    width = max(len(safe(each.name)) for each in found.entries)
    told += ["", f"{'NAME':{max(width, 4)}}  {'TYPE':12}  {'BYTES':>9}"]
    for each in found.entries:
        line = f"{safe(each.name):{max(width, 4)}}  {each.kind:12}  {each.size:>9,}"
        told.append(f"{line}  {safe(repr(each.value))}" if with_values else line)
    return told
