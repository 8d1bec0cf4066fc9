"""Run a command's work on an application's sessions, and report failures.

This module does not know what a command does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import click

from ..app_sessions import AppSessions
from ..core.admin import Administration
from ..core.steps import Steps
from ..errors import SessionError, StoreError
from ..run.sync import afterwards
from .output import ExitCode

T = TypeVar("T")


class StepsRunner(Protocol):
    """Runs steps to their end for a command."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Return the result of the steps."""
        ...


class Refused(click.ClickException):
    """Ends a command that cannot do what it was asked, with one line."""

    exit_code = ExitCode.USAGE


class StoreDown(click.ClickException):
    """Ends a command because the store is down, with one line."""

    exit_code = ExitCode.STORE_DOWN


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs the commands of one application."""

    app_sessions: AppSessions
    run: StepsRunner

    def attempt(self, steps: Steps[T]) -> T:
        """Return the result of the steps; raises SessionError."""
        return self.run(_and_shut(self.app_sessions, steps))

    def run_or_fail(self, steps: Steps[T]) -> T:
        """Return the result of the steps, or end the command with their error as its message."""
        try:
            return self.attempt(steps)
        except SessionError as error:
            raise self.failed(error) from error

    def administer(self, work: Callable[[Administration], Steps[T]]) -> T:
        """Return the result of work on the application's sessions, and print where it was done."""
        try:
            self.app_sessions.check_in_reach()
            admin = self.app_sessions.administration
        except SessionError as error:
            raise self.failed(error) from error
        result = self.run_or_fail(work(admin))
        self.say_where()
        return result

    def failed(self, error: SessionError) -> click.ClickException:
        """Return how a command ends for an error."""
        ended = StoreDown if isinstance(error, StoreError) else Refused
        return ended(self.app_sessions.told(error))

    def say_where(self) -> None:
        """Print to standard error which sessions a command works on."""
        click.echo(f"in {self.app_sessions.location}", err=True)


def _and_shut(app_sessions: AppSessions, steps: Steps[T]) -> Steps[T]:
    """Close all connections now: a driver's thread would delay the end of the process."""
    try:
        return (yield from steps)
    finally:
        afterwards(app_sessions.shut)  # after the receivers of signals, which may use sessions
