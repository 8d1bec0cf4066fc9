"""Old and new processes side by side, and the way back, as docs/move/how-it-works.md says.

One jar of cookies goes from one side to the other, as behind a balancer that knows nothing of
sessions. The last part has the one rule that the guide gives a balancer.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .browser import Browser
from .cases import NEW_COOKIE, OLD_COOKIE, PEERS, Case
from .serving import Failed
from .trial import Trial

TURNS = 20
_PATIENCE = 20.0
CASES = [
    Case(PEERS["Flask-Session 0.8.0"], "redis", "msgpack"),
    Case(PEERS["Flask-Session 0.8.0"], "sqlalchemy", "msgpack", signed=True),
    Case(PEERS["Quart-Session 3.0.0"], "redis", "tagged JSON"),
    Case(PEERS["Flask 3.1.3"], "cookie", "tagged JSON", signed=True),
    Case(PEERS["Quart 0.20.0"], "cookie", "tagged JSON", signed=True),
]


def run(trial: Trial) -> None:
    """Try all of it; raise AssertionError where it is not as documented."""
    with trial.theirs() as old, trial.ours() as new:
        _by_turns(old, new)
        _new_cookies_go_to_new_processes(old, new)
        _logged_out_at_a_new_process(old, new)
        _logged_out_at_an_old_process(old, new)
        _logged_in_again_at_an_old_process(old, new)
        if trial.case.peer.library == "none":
            _equal_cookies(old, new)
        else:
            _old_process_answers_late(old, new, trial.work)
            _moved_ahead(trial, old, new)
    _way_back(trial)


def _logged_in(old: str) -> Browser:
    browser = Browser()
    browser.post(old, "/login/ann")
    browser.post(old, "/put/cart/full")
    # Signed cookies with the same data are the same cookie for a second.
    browser.post(old, f"/put/unique/{secrets.token_hex()}")
    return browser


def _text(browser: Browser, base: str, name: str) -> str | None:
    found = browser.get(base, "/report").get(name)
    return None if found is None else found[1]


def _by_turns(old: str, new: str) -> None:
    """One goes to old and new by turns: new ones know it in each, old ones until it was there."""
    browser = _logged_in(old)
    written: dict[str, str] = {}
    for turn in range(TURNS):
        base = (old, new)[turn % 2]
        who = browser.get(base, "/me")
        assert who == (None if turn % 2 == 0 and turn > 1 else "ann"), (turn, who)
        if base == new:
            browser.post(new, f"/put/new{turn}/{turn}")
            written[f"new{turn}"] = repr(str(turn))
            report = browser.get(new, "/report")
            assert report["cart"][1] == repr("full")
            assert {name: report[name][1] for name in written} == written
            assert not [name for name in report if name.startswith("old")], report.keys()
        elif turn > 1:
            browser.post(old, f"/put/old{turn}/{turn}")
            assert not [name for name in browser.get(old, "/report") if name.startswith("new")]


def _new_cookies_go_to_new_processes(old: str, new: str) -> None:
    """One whose balancer sends the new cookie to new processes is logged in all the time."""
    browser = _logged_in(old)
    for turn in range(TURNS):
        base = new if NEW_COOKIE in browser.cookies else (old, old, old, new)[turn % 4]
        assert browser.get(base, "/me") == "ann"
        browser.post(base, f"/put/turn{turn}/{turn}")
    report = browser.get(new, "/report")
    assert [report[f"turn{turn}"][1] for turn in range(TURNS)] == [
        repr(str(turn)) for turn in range(TURNS)
    ]


def _logged_out_at_a_new_process(old: str, new: str) -> None:
    """A logout there is one everywhere, a copy of the old cookie included."""
    browser = _logged_in(old)
    before = browser.copy()
    assert browser.get(new, "/me") == "ann"
    browser.post(new, "/logout")
    for each in (browser, before):
        assert each.copy().get(new, "/me") is None
    if "." not in before.cookies[OLD_COOKIE]:  # a signed cookie is read wherever it was copied to
        assert before.copy().get(old, "/me") is None
    assert browser.get(old, "/me") is None


def _logged_out_at_an_old_process(old: str, new: str) -> None:
    """What was taken over before stays logged in."""
    browser = _logged_in(old)
    assert browser.get(new, "/me") == "ann"
    browser.post(old, "/logout")
    assert browser.get(new, "/me") == "ann"


def _logged_in_again_at_an_old_process(old: str, new: str) -> None:
    """Each side keeps its own login; a logout at a new process ends both for the browser."""
    browser = _logged_in(old)
    assert browser.get(new, "/me") == "ann"
    browser.post(old, "/login/bob")
    for _ in range(2):
        assert browser.get(new, "/me") == "ann"
        assert browser.get(old, "/me") == "bob"
    browser.post(new, "/logout")
    assert browser.cookies == {}
    for base in (new, old):
        assert browser.get(base, "/me") is None


def _equal_cookies(old: str, new: str) -> None:
    """Visitors who have the same cookie never get into one session."""
    one, other = Browser(), Browser()
    while not one.cookies or one.cookies != other.cookies:  # until it is in the same second
        for each in (one, other):
            each.post(old, "/put/lang/en")
    one.post(new, "/login/ann")
    assert other.get(new, "/me") is None
    other.post(new, "/login/bob")
    assert one.get(new, "/me") == "ann"


def _old_process_answers_late(old: str, new: str, work: Path) -> None:
    """An old process that writes its record anew opens nothing at new ones."""
    browser = _logged_in(old)
    late = browser.copy()
    begun, go_on = work / "begun", work / "go-on"
    files = {"begun": str(begun), "until": str(go_on)}
    thread = threading.Thread(target=lambda: late.post(old, "/hold", json=files))
    thread.start()
    _wait(begun.exists)
    assert browser.get(new, "/me") == "ann"
    browser.post(new, "/logout")
    go_on.touch()
    thread.join(_PATIENCE)
    assert late.copy().get(old, "/me") == "ann", "the old process did not write it anew"
    assert late.get(new, "/me") is None


def _moved_ahead(trial: Trial, old: str, new: str) -> None:
    """What the old side does after the command counts: a write, and a logout."""
    writer, leaver = _logged_in(old), _logged_in(old)
    trial.command("migrate", "--from", trial.case.peer.library)
    before = leaver.copy()
    writer.post(old, "/put/cart/newer")
    leaver.post(old, "/logout")
    assert writer.get(new, "/me") == "ann"
    assert _text(writer, new, "cart") == repr("newer")
    assert before.get(new, "/me") is None


def _wait(is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not is_over():
        if time.monotonic() > until:
            raise Failed("waited in vain")
        time.sleep(0.01)


def _way_back(trial: Trial) -> None:
    """Back on the old release: who was at a new process is logged out once, nobody else."""
    with trial.theirs() as old:
        visitor, other = _logged_in(old), _logged_in(old)
    with trial.ours() as new:
        assert visitor.get(new, "/me") == "ann"
        visitor.post(new, "/put/since/then")
    with trial.theirs() as old:
        assert visitor.get(old, "/me") is None
        assert other.get(old, "/me") == "ann"
        other.post(old, "/put/back/there")
        visitor.post(old, "/login/bob")
    with trial.ours() as new:  # forward again: ours counts, where a browser has it
        assert visitor.get(new, "/me") == "ann"
        assert _text(visitor, new, "since") == repr("then")
        assert other.get(new, "/me") == "ann"
        assert _text(other, new, "back") == repr("there")
