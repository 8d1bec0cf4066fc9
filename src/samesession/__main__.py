"""`python -m samesession`: what is asked of an application that has no sessions of ours yet."""

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
    help="Say what to change in the configuration of an application that keeps its sessions by "
    "another library. It needs neither Session(app) nor a store. The exit status is 1, with "
    "--strict, where there is something to change.",
)
@click.option(
    "--app",
    "named",
    envvar=["FLASK_APP", "QUART_APP"],
    default="wsgi",
    show_default=True,
    help="The application: a module, or module:name, of an application or of what makes it.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where there is something to change.")
@coming_from_option(required=True)
@json_option
def doctor(*, named: str, strict: bool, library: str, as_json: bool) -> None:
    """Examine one application's configuration."""
    former = former_of(application(named), library, system_time())
    tell_plan(former, strict=strict, as_json=as_json)


if __name__ == "__main__":
    main(prog_name="python -m samesession")
