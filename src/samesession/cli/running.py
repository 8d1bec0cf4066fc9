"""How a command runs its work on an application's sessions and reports what failed.

Never knows what a command does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import click

from ..app_sessions import AppSessions
from ..core.admin import Administration
from ..core.steps import Steps
from ..errors import SessionError
from ..run.sync import afterwards

T = TypeVar("T")


class StepsRunner(Protocol):
    """Runs steps to their end for a command."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Return what the steps return."""
        ...


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs what the commands of one application do."""

    app_sessions: AppSessions
    run: StepsRunner

    def run_or_fail(self, steps: Steps[T]) -> T:
        """Return what steps return, or end the command with what they raised as its message."""
        try:
            return self.run(_and_shut(self.app_sessions, steps))
        except SessionError as error:
            raise click.ClickException(self.app_sessions.told(error)) from error

    def administer(self, work: Callable[[Administration], Steps[T]]) -> T:
        """Return what work on the application's sessions returns, and say where it was done."""
        try:
            self.app_sessions.check_in_reach()
            admin = self.app_sessions.administration
        except SessionError as error:
            raise click.ClickException(str(error)) from error
        result = self.run_or_fail(work(admin))
        self._say_where()
        return result

    def prepare(self) -> None:
        """Create what the store needs, and say where it was done."""
        self.run_or_fail(self.app_sessions.prepare())
        self._say_where()

    def _say_where(self) -> None:
        click.echo(f"in {self.app_sessions.location}", err=True)


def _and_shut(app_sessions: AppSessions, steps: Steps[T]) -> Steps[T]:
    """Leave no connection to the end of the process, which a driver's thread would put off."""
    try:
        return (yield from steps)
    finally:
        afterwards(app_sessions.shut)  # after the receivers of signals, which may use sessions
