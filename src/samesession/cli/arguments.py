"""What the commands are given, checked, and how they count what they did."""

from __future__ import annotations

import re

import click

from ..core.names import is_name, is_sid

# What is certainly no sid, nor a cookie given in its place, and so may be shown.
_OPTION = re.compile(r"--?[a-z-]{1,20}", re.ASCII)


def owner_argument(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a user's name if it can be one."""
    # A shell's bytes that are no text come as lone surrogates.
    if value is not None and not is_name(value):
        raise click.UsageError("a user is named by 1 to 1024 bytes of UTF-8")
    return value


def sid_argument(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a session's sid if it can be one."""
    if value is None or is_sid(value):
        return value
    # What looks like nothing we know may be a whole cookie: it is not repeated.
    shown = f"{value!r}" if _OPTION.fullmatch(value) else "what was given"
    raise click.UsageError(f"{shown} is neither an option nor a sid, as `list` shows them")


def counted(number: int, thing: str) -> str:
    """Return a number and the thing counted, in the plural if need be."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
