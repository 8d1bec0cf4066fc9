"""Report what to change in an application that used another library's sessions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from ...core.findings import Finding, Level, worst_of
from ..output import ExitCode, end, tell
from ..telling_findings import document, lines, summary
from .former import SIGNED_COOKIE, Former, implied_by
from .plan import Plan, plan_for

_WIDTH = 32  # the longest setting's name
_LOST = "lost"


def former_of(app: Any, library: str, time: float) -> Former:  # app: a Flask or a Quart
    """Return an application as its configuration describes it."""
    interface: object = app.session_interface
    kind = type(interface)
    return Former(
        library=library,
        settings={name: app.config[name] for name in app.config},
        time=time,
        implied=implied_by(interface),
        has_ours=hasattr(interface, "app_sessions"),
        interface=f"{kind.__module__}.{kind.__qualname__}",
        release=_release(library),
    )


def _release(library: str) -> str | None:
    if library == SIGNED_COOKIE:
        return None
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def tell_plan(former: Former, *, strict: bool, as_json: bool) -> None:
    """Write the lines to change, with reasons; with `strict` exit with 1 if there are any."""
    plan = plan_for(former)
    worst = worst_of(plan.findings)
    told = {
        "coming_from": former.library,
        "worst": worst.name.lower(),
        "diff": plan.diff,
        "findings": [
            *({**document(each.finding), "fate": each.answer.fate.value} for each in plan.changes),
            *({**document(each), "fate": _LOST} for each in plan.lost),
        ],
    }
    tell(_text(plan), told, as_json=as_json)
    end(ExitCode.NOTHING if strict and worst >= Level.WARNING else ExitCode.DONE)


def _text(plan: Plan) -> str:
    """Return the diff, and the reasons below it. Lines to write are in the diff only."""
    why = [
        lines(
            Finding(each.name, each.answer.level, f"{each.answer.fate}: {each.answer.why}"),
            width=_WIDTH,
        )
        for each in plan.changes
    ]
    lost = [lines(each, width=_WIDTH) for each in plan.lost]
    return "\n".join([*map(_coloured, plan.diff), "", *why, *lost, summary(plan.findings)])


def _coloured(line: str) -> str:
    return click.style(line, fg={"-": "red", "+": "green"}.get(line[0]))
