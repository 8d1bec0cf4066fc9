"""How two runs of a suite are compared, and when the list of differences is wrong."""

from __future__ import annotations

import pytest

from .compare import (
    STORES,
    Difference,
    Expected,
    Run,
    differences,
    read_expected,
    shows_nothing,
    stale,
    unexplained,
)

TEST = "tests/test_login.py::test_cookie"
DETAIL = "E   AssertionError: assert 'SameSite' not in cookie"
REASON = "The cookie says SameSite=Lax, unless it is told otherwise."


def run(applications: int = 1, details: dict[str, str] | None = None, **outcomes: str) -> Run:
    return Run(outcomes, details or {}, applications)


def difference(**changes: str) -> Difference:
    found = {
        "project": "login",
        "store": "redis",
        "test": TEST,
        "before": "passed",
        "after": "failed",
        "detail": DETAIL,
    }
    return Difference(**{**found, **changes})


def expected(*stores: str, **changes: str) -> Expected:
    said = {"project": "login", "test": TEST, "shows": "SameSite", "reason": REASON}
    return Expected(stores=stores or STORES, **{**said, **changes})


def test_equal_runs_do_not_differ() -> None:
    assert differences("login", "redis", run(a="passed"), run(a="passed")) == []


def test_what_fails_without_ours_is_no_difference() -> None:
    assert differences("login", "redis", run(a="failed"), run(a="failed")) == []


@pytest.mark.parametrize("after", ["failed", "error", "skipped", "xfailed"])
def test_each_other_outcome_is_a_difference(after: str) -> None:
    ours = run(a=after, details={"a": "why"})
    (found,) = differences(
        "login",
        "redis",
        run(a="passed", b="passed"),
        Run({**ours.outcomes, "b": "passed"}, ours.details, 1),
    )
    assert (found.test, found.before, found.after, found.detail) == ("a", "passed", after, "why")


def test_a_test_that_only_one_run_has_is_a_difference() -> None:
    lost = differences("login", "redis", run(a="passed"), run())
    new = differences("login", "redis", run(), run(a="passed"))
    assert [(each.before, each.after) for each in lost + new] == [
        ("passed", "not run"),
        ("not run", "passed"),
    ]


def test_a_listed_difference_is_explained() -> None:
    assert unexplained([difference()], [expected()]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"project": "other"},
        {"store": "memory"},
        {"test": f"{TEST}_more"},
        {"before": "not run"},
        {"after": "error"},
        {"detail": "E   KeyError: 'user'"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_difference_is_not(change: dict[str, str]) -> None:
    other = difference(**change)
    assert unexplained([other], [expected("redis", "cookie")]) == [other]


def test_an_entry_that_differs_no_more_is_stale() -> None:
    ran = [("login", "redis"), ("login", "memory")]
    assert stale([difference()], [expected("redis")], ran) == []
    assert stale([difference()], [expected("redis", "memory")], ran) == [f"login on memory: {TEST}"]
    assert stale([], [expected("redis")], ran) == [f"login on redis: {TEST}"]


def test_an_entry_whose_test_fails_otherwise_is_stale_and_unexplained() -> None:
    other = difference(detail="E   KeyError: 'user'")
    assert stale([other], [expected("redis")], [("login", "redis")]) != []
    assert unexplained([other], [expected("redis")]) == [other]


def test_nothing_is_said_of_what_did_not_run() -> None:
    assert stale([], [expected()], [("other", "redis")]) == []


def test_a_suite_that_fails_by_itself_shows_nothing() -> None:
    broken = {f"test_{turn}": "passed" if turn else "error" for turn in range(5)}
    assert shows_nothing(Run(broken, {}, 0), run(5)) == "only 4 of 5 tests pass without ours"
    assert shows_nothing(run(0), run(5)) == "only 0 of 0 tests pass without ours"


def test_sessions_that_nobody_used_show_nothing() -> None:
    plain = run(3, a="passed", b="skipped")
    assert shows_nothing(plain, run(0, a="passed")) == "no application had sessions of ours"
    assert shows_nothing(plain, run(1, a="passed")) is None


def entry(*more: str, **changes: str) -> str:
    said = {"project": "'login'", "tests": f"['{TEST}']", "shows": "'SameSite'"}
    lines = (
        f"{name} = {value}" for name, value in {**said, "reason": f"'{REASON}'", **changes}.items()
    )
    return "\n".join(("[[difference]]", *lines, *more))


def test_an_entry_counts_on_all_stores_unless_it_names_some() -> None:
    assert read_expected(entry()) == [expected()]
    assert read_expected(entry('stores = ["redis"]')) == [expected("redis")]
    assert read_expected("") == []


def test_an_entry_gives_one_reason_for_each_of_its_tests() -> None:
    found = read_expected(entry(tests="['a.py::test_a', 'a.py::test_b']"))
    assert found == [expected(test="a.py::test_a"), expected(test="a.py::test_b")]


@pytest.mark.parametrize(
    "text",
    [
        entry(reason="'because'"),
        entry(shows="''"),
        entry(tests="[]"),
        entry(tests="['tests/test_login.py']"),
        entry(tests="['tests/test_login.py::test_*']"),
        entry("pattern = 'x'"),
        entry("test = 'tests/test_login.py::test_cookie'", tests="[]"),
        entry('stores = ["mariadb"]'),
        entry("stores = []"),
        entry() + "\n" + entry(),
    ],
)
def test_an_entry_names_each_test_and_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"entry|listed twice"):
        read_expected(text)
