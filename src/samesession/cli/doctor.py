"""The command that examines a configuration, and says what to write.

The checks of settings come first and need no store, so that they are told though it is down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from ..app_sessions import AppSessions
from ..core.findings import Finding, Level, worst_of
from ..core.steps import Steps, checkpoint
from ..core.store import Examinable, Store
from ..errors import SessionError
from .lowest_releases import installed, release_findings
from .output import ExitCode, end, json_option, safe, tell
from .running import CommandRunner
from .settings_checks import Facts, check_settings

_COLOURS = {Level.NOTICE: "blue", Level.WARNING: "yellow", Level.ERROR: "red"}


def add_doctor(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that examines the configuration."""

    @sessions.command(
        "doctor",
        help="Examine settings, packages and the store, and say what to write. The exit status "
        "is 3 where the store is down, and with --strict 1 for a warning or an error.",
    )
    @click.option("--strict", is_flag=True, help="Exit with 1 for a warning or an error, for CI.")
    @click.option(
        "--workers",
        type=click.IntRange(min=1),
        envvar="WEB_CONCURRENCY",
        help="How many processes serve the application; else as WEB_CONCURRENCY says.",
    )
    @json_option
    def doctor(*, strict: bool, workers: int | None, as_json: bool) -> None:
        found = _findings_of_settings(runner, workers)
        of_store, reached = _findings_of_store(runner)
        found += of_store
        runner.say_where()
        document = {
            "store": {
                "type": runner.app_sessions.kind,
                "place": runner.app_sessions.location,
                "reached": reached,
            },
            "worst": worst_of(found).name.lower(),
            "findings": [_document(each) for each in found],
        }
        tell("\n".join([*map(_lines, found), _summary(found)]), document, as_json=as_json)
        if reached is False:
            end(ExitCode.STORE_DOWN)
        is_well = worst_of(found) < Level.WARNING
        end(ExitCode.DONE if is_well or not strict else ExitCode.NOTHING)


def _findings_of_settings(runner: CommandRunner, workers: int | None) -> list[Finding]:
    app_sessions = runner.app_sessions
    try:
        app_sessions.freeze_config()
    except SessionError as error:
        raise runner.failed(error) from error
    facts = Facts(
        config=app_sessions.config,
        store=app_sessions.store,
        debug=bool(app_sessions.app.debug),
        workers=workers,
        time=app_sessions.current_time(),
    )
    return [*check_settings(facts), *release_findings(installed())]


def _findings_of_store(runner: CommandRunner) -> tuple[list[Finding], bool | None]:
    """Return what the store says of itself, and whether it could be asked; None: there is none."""
    store = runner.app_sessions.store
    if store is None:
        return [], None
    try:
        found = runner.attempt(_examined(runner.app_sessions, store))
    except SessionError as error:
        # Of a store that is down this is all that is known.
        told = runner.app_sessions.told(error)
        return [Finding("store.reached", Level.ERROR, f"the store was not reached: {told}")], False
    return [Finding("store.reached", Level.OK, "the store answers"), *found], True


def _examined(app_sessions: AppSessions, store: Store) -> Steps[Sequence[Finding]]:
    yield from checkpoint()
    what = "the store says nothing of how it is set up"
    found: Sequence[Finding] = [Finding("store.examined", Level.NOTICE, what)]
    if isinstance(store, Examinable):
        found = yield from store.findings(app_sessions.current_time)
    if worst_of(found) < Level.ERROR:  # or it says itself why it cannot be used
        yield from checkpoint()
        _ = yield from app_sessions.ping()
    return found


# --- telling -------------------------------------------------------------------------------


def _document(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "level": finding.level.name.lower(),
        "what": finding.what,
        "write": finding.write,
    }


def _lines(finding: Finding) -> str:
    level = click.style(f"{finding.level.name.lower():8}", fg=_COLOURS.get(finding.level))
    told = f"{level} {safe(finding.check):18} {safe(finding.what)}"
    return f"{told}\n{'':27} -> {safe(finding.write)}" if finding.write else told


def _summary(found: Sequence[Finding]) -> str:
    counts = Counter(each.level for each in found)
    told = [
        f"{counts[level]} {level.name.lower()}{'' if counts[level] == 1 else 's'}"
        for level in (Level.ERROR, Level.WARNING, Level.NOTICE)
        if counts[level]
    ]
    return ", ".join(told) or "all is well"
