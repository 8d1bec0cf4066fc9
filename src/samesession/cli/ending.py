"""The command that ends sessions."""

from __future__ import annotations

import click

from ..core.admin import Administration
from ..core.steps import Steps
from .arguments import owner_argument, sid_argument
from .output import ExitCode, counted, end, json_option, tell
from .progress import shown
from .running import CommandRunner

_LABEL = "ending sessions"


def add_revoke(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that ends one session, a user's, or everyone's."""

    @sessions.command(
        "revoke",
        help="End one session, all sessions of a user with --owner, or everyone's with --all. The "
        "exit status is 1 if there was none to end.",
        # One sid in 64 starts with "-", and must not be taken for an option.
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("sid", required=False, callback=sid_argument)
    @click.option("--owner", help="End all sessions of this user.", callback=owner_argument)
    @click.option("--all", "everyone", is_flag=True, help="End every session, as after a restore.")
    @click.option("--yes", is_flag=True, help="Do not ask before ending every session.")
    @json_option
    def revoke(
        sid: str | None, owner: str | None, *, everyone: bool, yes: bool, as_json: bool
    ) -> None:
        if [sid is not None, owner is not None, everyone].count(True) != 1:
            raise click.UsageError("give a session's sid, or --owner and a user, or --all")
        if sid is not None:
            ended = int(runner.administer(lambda admin: admin.revoke(sid)))
        elif owner is not None:
            ended = runner.administer(lambda admin: shown(_LABEL, admin.revoke_all(owner)))
        else:
            ended = runner.administer(lambda admin: _everyones(admin, runner, asked=yes))
        tell(f"{counted(ended, 'session')} ended", {"ended": ended}, as_json=as_json)
        end(ExitCode.DONE if ended else ExitCode.NOTHING)


def _everyones(admin: Administration, runner: CommandRunner, *, asked: bool) -> Steps[int]:
    if not asked:
        # To standard error, because a program may read standard output.
        question = f"End every session in {runner.app_sessions.location}?"
        _ = click.confirm(question, abort=True, err=True)
    return shown(_LABEL, admin.revoke_everyone())
