"""A bar moves with each batch of long work, on a terminal, and changes nothing of the work."""

from __future__ import annotations

import io
import sys

import pytest

from samesession.cli import progress
from samesession.core.steps import Steps, checkpoint, wait
from samesession.errors import StoreUnavailable
from samesession.run.sync import run


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal()  # in the test itself: pytest sets another one before each of its phases
    monkeypatch.setattr(sys, "stderr", found)
    return found


def work(*, fails: bool = False) -> Steps[int]:
    total = 0
    for number in range(3):
        yield from checkpoint()
        total += yield from wait(number)
    if fails:
        raise StoreUnavailable("the store is down")
    return total


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    assert run(progress.shown("counting", work())) == 3
    assert "counting" in terminal.getvalue()


def test_what_fails_fails_with_a_bar_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    with pytest.raises(StoreUnavailable):
        run(progress.shown("counting", work(fails=True)))
    assert terminal.getvalue().endswith("\n")


def test_what_is_thrown_into_the_work_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _ = use_terminal(monkeypatch)
    caught: list[BaseException] = []

    def careful() -> Steps[str]:
        try:
            yield from checkpoint()
        except KeyError as error:
            caught.append(error)
        return "done"

    steps = progress.shown("counting", careful())
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.throw(KeyError("lost"))
    assert ended.value.value == "done"
    assert len(caught) == 1


def test_no_terminal_is_shown_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(progress.shown("counting", work())) == 3
    assert capsys.readouterr() == ("", "")
