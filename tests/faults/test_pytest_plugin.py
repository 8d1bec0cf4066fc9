"""A user's own suite, with the pytest plugin: what it loads, what it isolates, what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.needs("flask", "quart")

# An application that is made when its module is imported, as most are.
SHOP = """
    import {name}
    from samesession import Session

    app = {name}.{kind}("shop")
    app.config.update(
        SECRET_KEY="a secret key of this test, long enough",
        SESSION_TYPE="redis",
        SESSION_REDIS="{url}",
        PERMANENT_SESSION_LIFETIME=1800,
    )
    Session(app)

    @app.get("/who")
    {maybe_async}def who():
        {name}.session["seen"] = {name}.session.get("seen", 0) + 1
        return str({name}.session.info.owner) + " " + str({name}.session["seen"])

    @app.get("/logout")
    {maybe_async}def logout():
        {name}.session.end()
        return "bye"
"""

FLASK_TESTS = """
    import datetime
    import pytest, time_machine
    from freezegun import freeze_time
    from samesession.pytest_plugin import assert_logged_out, logged_in
    from shop import app

    @pytest.fixture
    def client():
        return app.test_client()

    @pytest.mark.parametrize("turn", [1, 2])
    def test_no_test_sees_another_ones_sessions(client, turn, session_store):
        from samesession.flask import sessions_of
        logged_in(client, "ann")
        assert client.get("/who").text == "ann 1"
        with app.app_context():
            assert len(sessions_of("ann")) == 1

    def test_an_idle_user_is_logged_out(client, session_store, clock):
        logged_in(client, "ann")
        clock.tick(minutes=29)
        assert client.get("/who").text == "ann 1"
        clock.tick(hours=1)
        assert_logged_out(client)

    def test_freezegun_decides_as_well(client, session_store):
        with freeze_time("2030-01-01 12:00") as frozen:
            logged_in(client, "ann")
            frozen.tick(datetime.timedelta(minutes=29))
            assert client.get("/who").text == "ann 1"
            frozen.tick(datetime.timedelta(hours=1))
            assert_logged_out(client)

    def test_time_machine_decides_as_well(client, session_store):
        start = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
        with time_machine.travel(start, tick=False) as traveller:
            logged_in(client, "ann")
            traveller.shift(datetime.timedelta(minutes=29))
            assert client.get("/who").text == "ann 1"
            traveller.shift(datetime.timedelta(hours=1))
            assert_logged_out(client)

    def test_a_clock_begins_where_freezegun_is(session_store, request):
        with freeze_time("2030-01-01 12:00"):
            found = request.getfixturevalue("clock")
            assert found.now == datetime.datetime.now().timestamp()

    def test_a_logout_that_was_forgotten(client, session_store):
        logged_in(client, "ann")
        assert_logged_out(client)
"""

QUART_TESTS = (
    FLASK_TESTS.replace("    def test", "    @pytest.mark.asyncio\n    async def test")
    .replace("logged_in(client", "await logged_in(client")
    .replace("assert_logged_out(client)", "await assert_logged_out(client)")
    .replace('client.get("/who").text', 'await (await client.get("/who")).get_data(as_text=True)')
    .replace("samesession.flask", "samesession.quart")
    .replace("with app.app_context", "async with app.app_context")
    .replace('sessions_of("ann")', 'await sessions_of("ann")')
)
TESTS = {"flask": FLASK_TESTS, "quart": QUART_TESTS}


def made(pytester: pytest.Pytester, framework: str, url: str) -> None:
    text = SHOP.format(
        name=framework,
        kind=framework.capitalize(),
        url=url,
        maybe_async="async " if framework == "quart" else "",
    )
    pytester.makepyfile(shop=text)
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function"
    )


def test_a_users_suite_needs_no_server(pytester: pytest.Pytester, framework: str) -> None:
    made(pytester, framework, "redis://127.0.0.1:1")  # where nothing is
    pytester.makepyfile(TESTS[framework])
    result = pytester.runpytest_subprocess("-p", "samesession.pytest_plugin")
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(
        ["E *Failed: not logged out: the cookie of this client opens the session * of 'ann'*"]
    )


def test_a_users_suite_with_redis_is_not_warned(
    pytester: pytest.Pytester, framework: str, redis_url: str
) -> None:
    made(pytester, framework, redis_url)
    wait, mark = ("await ", "@pytest.mark.asyncio") if framework == "quart" else ("", "")
    maybe_async = "async " if wait else ""
    pytester.makepyfile(
        f"""
        import gc
        import pytest
        from shop import app

        {mark}
        @pytest.mark.parametrize("turn", [1, 2, 3])
        {maybe_async}def test_a_request(turn):
            assert ({wait}app.test_client().get("/who")).status_code == 200

        def test_nothing_is_open():
            gc.collect()
        """
    )
    result = pytester.runpytest_subprocess("-p", "samesession.pytest_plugin", "-W", "error")
    result.assert_outcomes(passed=4)


def test_the_plugin_loads_nothing_that_a_run_without_it_has_no_use_for() -> None:
    command = "import sys, samesession.pytest_plugin; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert (
        loaded & {"flask", "quart", "werkzeug", "redis", "sqlalchemy", "asyncio", "hypothesis"}
        == set()
    )
    assert "samesession.app_sessions" not in done.stdout.split()
    assert "samesession.testing" not in done.stdout.split()


def test_the_entry_point_is_the_plugin(pytester: pytest.Pytester) -> None:
    """And is not registered twice where a conftest names it, too."""
    place = pytester.mkdir("samesession_stub-1.dist-info")
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: samesession-stub\nVersion: 1\n")
    (place / "entry_points.txt").write_text(
        "[pytest11]\nsamesession.pytest_plugin = samesession.pytest_plugin\n"
    )
    pytester.syspathinsert()
    pytester.makeconftest("pytest_plugins = ['samesession.pytest_plugin']")
    pytester.makepyfile("def test_it(session_store, clock):\n    clock.tick(days=1)")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
