"""`python -m samesession`: commands for an application that does not use samesession yet."""

from __future__ import annotations

import click

from .cli.coming_from.loading import application
from .cli.coming_from.option import coming_from_option
from .cli.coming_from.report import former_of, tell_plan
from .cli.output import json_option
from .run.clocks import system_time


@click.group("samesession", help="Examine an application before it is switched to samesession.")
def main() -> None:
    """Group the commands."""


@main.command(
    "doctor",
    help="Show which settings to change in an application that keeps its sessions with another "
    "library. It needs neither Session(app) nor a store. With --strict, the exit status is 1 "
    "if there is something to change.",
)
@click.option(
    "--app",
    "named",
    envvar=["FLASK_APP", "QUART_APP"],
    default="wsgi",
    show_default=True,
    help=(
        "The application: a module, or module:name of an application or of a function that "
        "creates one."
    ),
)
@click.option("--strict", is_flag=True, help="Exit with 1 if there is something to change.")
@coming_from_option(required=True)
@json_option
def doctor(*, named: str, strict: bool, library: str, as_json: bool) -> None:
    """Examine the configuration of one application."""
    former = former_of(application(named), library, system_time())
    tell_plan(former, strict=strict, as_json=as_json)


if __name__ == "__main__":
    main(prog_name="python -m samesession")
