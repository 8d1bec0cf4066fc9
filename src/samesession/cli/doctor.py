"""The command that examines a configuration, and shows what to write.

The checks of settings come first. They need no store, so their results are shown even if it is
down.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..app_sessions import AppSessions
from ..core.findings import Finding, Level, worst_of
from ..core.steps import Steps, checkpoint
from ..core.store import Examinable, Listable, Store
from ..errors import SessionError
from .coming_from.option import coming_from_option
from .device_findings import device_findings, seen
from .lowest_releases import installed, release_findings
from .output import ExitCode, end, json_option, tell
from .running import CommandRunner
from .settings_checks import Facts, check_settings
from .telling_findings import document, lines, summary

_LOOKED_AT = 1000  # sessions, to see whether any is bound to its device


def add_doctor(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that examines the configuration."""

    @sessions.command(
        "doctor",
        help="Examine settings, packages and the store, and show what to write. The exit status "
        "is 3 if the store is down, and with --strict 1 if there is a warning or an error.",
    )
    @click.option("--strict", is_flag=True, help="Exit with 1 for a warning or an error, for CI.")
    @click.option(
        "--workers",
        type=click.IntRange(min=1),
        envvar="WEB_CONCURRENCY",
        help="How many processes serve the application; default: the value of WEB_CONCURRENCY.",
    )
    @coming_from_option()
    @json_option
    def doctor(*, strict: bool, workers: int | None, library: str | None, as_json: bool) -> None:
        if library is not None:
            from .coming_from.report import former_of, tell_plan

            app_sessions = runner.app_sessions
            former = former_of(app_sessions.app, library, app_sessions.current_time())
            tell_plan(former, strict=strict, as_json=as_json)
            return
        found = _findings_of_settings(runner, workers)
        of_store, reached = _findings_of_store(runner)
        found += of_store
        runner.say_where()
        examined = {
            "store": {
                "type": runner.app_sessions.kind,
                "place": runner.app_sessions.location,
                "reached": reached,
            },
            "worst": worst_of(found).name.lower(),
            "findings": [document(each) for each in found],
        }
        tell("\n".join([*map(lines, found), summary(found)]), examined, as_json=as_json)
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
    root = str(app_sessions.app.config.get("APPLICATION_ROOT") or "/")
    ours = [*check_settings(facts), *device_findings(facts, root=root)]
    return [*ours, *release_findings(installed())]


def _findings_of_store(runner: CommandRunner) -> tuple[list[Finding], bool | None]:
    """Return the store's findings, and whether it answered; None if there is no store."""
    store = runner.app_sessions.store
    if store is None:
        return [], None
    try:
        found = runner.attempt(_examined(runner.app_sessions, store))
    except SessionError as error:
        # Of a store that is down, nothing else is known.
        told = runner.app_sessions.told(error)
        return [Finding("store.reached", Level.ERROR, f"the store did not answer: {told}")], False
    return [Finding("store.reached", Level.OK, "the store answers"), *found], True


def _examined(app_sessions: AppSessions, store: Store) -> Steps[Sequence[Finding]]:
    yield from checkpoint()
    what = "the store does not describe its setup"
    found: Sequence[Finding] = [Finding("store.examined", Level.NOTICE, what)]
    if isinstance(store, Examinable):
        found = yield from store.findings(app_sessions.current_time)
    try:
        yield from checkpoint()
        _ = yield from app_sessions.ping()
        if app_sessions.config.device.is_on and isinstance(store, Listable):
            yield from checkpoint()
            counts = yield from app_sessions.administration.device_counts(_LOOKED_AT)
            found = [*found, seen(counts)]
    except SessionError:
        if worst_of(found) < Level.ERROR:  # or the store itself explains why it cannot be used
            raise
    return found
