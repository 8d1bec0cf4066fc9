"""How commands say what they found or did: to people as text, to programs as JSON.

With --json each line of the standard output is one JSON object; of all commands only `list`
writes more than one line, so that 100,000 sessions need no memory. In what is written for
people nothing that others chose (owners, labels, names) moves the cursor.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import datetime

import click


class ExitCode(enum.IntEnum):
    """How a command ends."""

    DONE = 0  # or nothing was to be done
    NOTHING = 1  # no session was there to end, show or move; `doctor --strict`: not all is well
    USAGE = 2  # called wrongly, or what this configuration cannot do
    STORE_DOWN = 3


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, one object a line, for programs."
)


def tell(text: str, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write what was found or done, as text or as a JSON object."""
    # ASCII alone: no terminal does anything for it, whatever it holds.
    click.echo(json.dumps(document) if as_json else text)


def end(code: ExitCode) -> None:
    """End the command with an exit code."""
    if code is not ExitCode.DONE:
        raise click.exceptions.Exit(code)


def safe(text: str) -> str:
    """Return text that others chose so that it changes nothing of the terminal it is shown on."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def moment(when: datetime | None) -> str:
    """Return a moment for people, in UTC; a hyphen for none."""
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M:%S}Z"


def iso(when: datetime | None) -> str | None:
    """Return a moment for programs, in ISO 8601 and UTC."""
    return None if when is None else when.isoformat()


def counted(number: int, thing: str) -> str:
    """Return a number and the thing counted, in the plural if need be."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
