"""Check the arguments of commands, and never repeat one that may be a cookie."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from ..core.names import is_name, is_sid

# These texts are certainly neither a sid nor a cookie, so a message may show them.
_OPTION = re.compile(r"--?[a-z-]{1,20}", re.ASCII)
# A sid, a secret or a whole cookie in an error message from click.
_TOKEN = re.compile(r"[A-Za-z0-9_.=-]{21,}", re.ASCII)


class CarefulGroup(click.Group):
    """A group of commands whose error messages never repeat a cookie."""

    def __init__(self, name: str, load: Callable[[click.Group], None], *, help: str) -> None:  # noqa: A002  # click's word
        """`load` adds the commands, when one is first asked for."""
        super().__init__(name, help=help)
        self._load: Callable[[click.Group], None] | None = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        self._have_commands()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, if there is one."""
        self._have_commands()
        return super().get_command(ctx, cmd_name)

    def _have_commands(self) -> None:
        if self._load is not None:
            self._load(self)
            self._load = None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options in front of the command's name."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _without_tokens(error) from None

    def invoke(self, ctx: click.Context) -> Any:  # Any: click's own type
        """Run the named command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _without_tokens(error) from None


def _without_tokens(error: click.UsageError) -> click.UsageError:
    return click.UsageError(_TOKEN.sub("...", error.format_message()), error.ctx)


def owner_argument(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a user's name if it can be one."""
    # Bytes that are not text come from the shell as lone surrogates.
    if value is not None and not is_name(value):
        raise click.UsageError("a user is named by 1 to 1024 bytes of UTF-8")
    return value


def sid_argument(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a session's sid if it can be one."""
    if value is None or is_sid(value):
        return value
    # An unknown argument may be a whole cookie: it is not repeated.
    shown = f"{value!r}" if _OPTION.fullmatch(value) else "the argument"
    raise click.UsageError(f"{shown} is neither an option nor a sid as `list` shows them")
