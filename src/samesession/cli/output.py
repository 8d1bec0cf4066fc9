"""Output of commands: text for people, JSON for programs.

With --json each line of standard output is one JSON object. Only `list` writes more than one line,
so that 100,000 sessions need no memory. Text that users chose (owners, labels, names) cannot
control the terminal.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import datetime

import click


class ExitCode(enum.IntEnum):
    """The exit status of a command."""

    DONE = 0  # or there was nothing to do
    NOTHING = 1  # no session to end, show or move; `doctor --strict`: something was found
    USAGE = 2  # wrong arguments, or not possible with this configuration
    STORE_DOWN = 3


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, one object a line, for programs."
)


def tell(text: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write a result, as text or as a JSON object."""
    # ASCII only, so that no value can control the terminal.
    click.echo(json.dumps(document) if as_json else text)


def end(code: ExitCode) -> None:
    """End the command with an exit code."""
    if code is not ExitCode.DONE:
        raise click.exceptions.Exit(code)


def safe(text: str) -> str:
    """Return text that users chose in a form that cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def moment(when: datetime | None) -> str:
    """Return a moment for people, in UTC; a hyphen if there is none."""
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M:%S}Z"


def iso(when: datetime | None) -> str | None:
    """Return a moment for programs, in ISO 8601 and UTC."""
    return None if when is None else when.isoformat()


def counted(number: int, thing: str) -> str:
    """Return a number with the thing it counts, in the plural if needed."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
