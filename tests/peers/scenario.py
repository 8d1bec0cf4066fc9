"""What is tried of each case: sessions that another library wrote, and that ours finds.

The other application writes sessions and says what it reads back. Then the same application
on samesession says what it reads, to browsers with the same cookies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .browser import Browser
from .cases import NEW_COOKIE, OLD_COOKIE, PICKLED, Case
from .places import InFiles
from .table import Row
from .trial import Trial

Report = dict[str, Any]  # by name, as `samples.described`

FLASHES = [["info", "Welcome back"], ["error", "Your card was declined"]]
_SERVER_ERROR = 500
_UNPICKLING = "flask-session"  # all of its releases unpickle what they cannot read otherwise


@dataclass(frozen=True)
class Left:
    """What the other application left: two browsers, and what it read of each one's session."""

    ann: Browser  # logged in, with a value of every kind, flashes and a form
    bob: Browser  # not permanent, not logged in
    eve: Browser  # with a value that no pickle may have
    token: str
    seen_of_ann: Report
    seen_of_bob: Report


def run(trial: Trial) -> Row:
    """Try a case; raise AssertionError where it is not as documented."""
    case = trial.case
    if case.fails:
        return _see_it_fail(trial)
    with trial.theirs() as base:
        left = leave(base, case)
        planted = _plant_and_prove(trial, base)
    if case.ahead:
        _move(trial)
    with trial.ours() as base:
        _nothing_happens(trial, base, planted)
        if case.is_read_online:
            _goes_on(trial, base, left)
            return Row.of(case)
        _is_nobody(base, left.ann)
        assert set(left.ann.cookies) == {OLD_COOKIE}  # which the command may make good
    if case.is_moved:
        _move(trial)
        with trial.ours() as base:
            _goes_on(trial, base, left)
            _is_nobody(base, left.eve)
            _nothing_happens(trial, base, planted)
    return Row.of(case)


def _see_it_fail(trial: Trial) -> Row:
    with trial.theirs() as base:
        assert Browser().status(base, "/login/ann") == _SERVER_ERROR
    return Row.of(trial.case)


def leave(base: str, case: Case) -> Left:
    """Have two users write sessions with the other library, and say what it reads."""
    ann, bob, eve = Browser(), Browser(), Browser()
    ann.post(base, "/login/ann")
    ann.post(base, "/fill", json={"permanent": True, "names": case.names, "flashes": FLASHES})
    token: str = ann.get(base, "/form")
    permanent = not case.keeps_browser_sessions
    bob.post(base, "/fill", json={"permanent": permanent, "names": ["text"], "flashes": []})
    names = sorted(PICKLED) if case.format == "pickle" else []
    eve.post(base, "/fill", json={"permanent": True, "names": names, "flashes": []})
    return Left(ann, bob, eve, token, ann.get(base, "/report"), bob.get(base, "/report"))


def _plant_and_prove(trial: Trial, base: str) -> Browser:
    """Plant a pickle, and see that a library that unpickles does run it."""
    if trial.case.peer.library == _UNPICKLING:
        trial.plant().status(base, "/me")
        assert trial.canary.exists(), "the planted pickle is not one"
        trial.canary.unlink()
    return trial.plant()  # again: they may have replaced it


def _nothing_happens(trial: Trial, base: str, planted: Browser) -> None:
    assert planted.get(base, "/report") == {}
    assert not trial.canary.exists(), "a planted pickle was run"


def _is_nobody(base: str, browser: Browser) -> None:
    assert browser.get(base, "/me") is None
    assert browser.get(base, "/report") == {}


def _move(trial: Trial) -> None:
    words = ["migrate", "--from", trial.case.peer.library]
    if trial.case.format == "pickle":
        words.append("--unsafe-pickle")
    if isinstance(trial.place, InFiles):
        words += ["--source", str(trial.place.directory)]
    trial.command(*words, "--dry-run")
    trial.command(*words)
    assert not trial.canary.exists(), "the command ran a planted pickle"


def _goes_on(trial: Trial, base: str, left: Left) -> None:
    """See that nobody notices but for the cookie, and that a logout is one."""
    ann, bob, before = left.ann, left.bob, left.ann.copy()
    assert ann.get(base, "/me") == "ann"
    assert set(ann.cookies) == {NEW_COOKIE}, ann.cookies.keys()
    if trial.case.integrated:
        assert ann.get(base, "/owned") == 1
    else:
        late = before.copy()
        assert late.get(base, "/me") == "ann"
        assert set(late.cookies) == {OLD_COOKIE}
    _same(ann.get(base, "/report"), left.seen_of_ann, integrated=trial.case.integrated)
    _same(bob.get(base, "/report"), left.seen_of_bob, integrated=False)
    assert ann.post(base, "/form", data={"csrf_token": left.token}) == "posted"
    assert ann.get(base, "/flashes") == FLASHES
    assert ann.get(base, "/flashes") == []
    _is_nobody(base, before.copy())  # since the new cookie was shown
    ann.post(base, "/logout")
    assert ann.cookies == {}
    _is_nobody(base, ann)
    _is_nobody(base, before)


def _same(read: Report, theirs: Report, *, integrated: bool) -> None:
    # Quart-Session keeps an address of its own accord; ours keeps none.
    theirs = {name: value for name, value in theirs.items() if name != "_addr"}
    if integrated:  # Flask-Login's own names say then what ours knows of the login
        read, theirs = _without_marks(read), _without_marks(theirs)
    different = {
        name: (theirs.get(name), read.get(name))
        for name in {*read, *theirs}
        if read.get(name) != theirs.get(name)
    }
    assert not different, f"they read, we read: {different}"


def _without_marks(report: Report) -> Report:
    return {name: value for name, value in report.items() if not name.startswith("_")}
