"""`python -m tests.support.green KIND WHEN SETTINGS TASK`: Flask in greenlets, in a process.

KIND is eventlet or gevent, WHEN says whether it patched the standard library before or
after the library was imported, SETTINGS is JSON, TASK names a function below. Prints JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

REQUESTS = 40
WAITS = 10


def patch(kind: str) -> None:
    if kind == "eventlet":
        import_module("eventlet").monkey_patch()
    else:
        import_module("gevent.monkey").patch_all()


def together(kind: str, works: list[Callable[[], Any]]) -> list[Any]:
    """Do each in a greenlet of its own, and give the results in order."""
    spawn: Any = import_module(kind).spawn
    greenlets = [spawn(work) for work in works]
    return [each.wait() if kind == "eventlet" else each.get() for each in greenlets]


def made(settings: dict[str, Any]) -> Any:
    """Give an application that counts visits, and forgets whom it knows."""
    import flask

    from samesession import Session

    app = flask.Flask("green")
    app.config.update(settings)
    Session(app)

    @app.route("/count")
    def count() -> str:
        flask.session.update_atomically(lambda data: data.update(n=data.get("n", 0) + 1))  # type: ignore[attr-defined]
        return str(flask.session["n"])

    @app.route("/read")
    def read() -> str:
        return str(flask.session.get("n"))

    if settings["SESSION_TYPE"] == "sqlalchemy":
        app.test_cli_runner().invoke(args=["sessions", "init"])
    return app


def counting(kind: str, app: Any) -> Any:
    """Count up one session in many greenlets at once; give the statuses and the sum."""
    first = app.test_client()
    statuses = [first.get("/count").status_code]
    cookie = first.get_cookie("session").value

    def visit() -> int:
        client = app.test_client()
        client.set_cookie("session", cookie)
        return int(client.get("/count").status_code)

    statuses += together(kind, [visit] * REQUESTS)
    return {"statuses": sorted(set(statuses)), "sum": int(first.get("/read").text)}


def auditing(kind: str, app: Any) -> Any:
    """Have many log in at once; give the audit's lines by event, and whose they are."""
    import flask

    from samesession import audit

    lines: list[dict[str, Any]] = []

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            time.sleep(0.001)  # lets other greenlets run
            lines.append(json.loads(record.getMessage()))

    def login(user: str) -> str:
        flask.session.bind(user)  # type: ignore[attr-defined]
        return user

    def log_in(number: int) -> Callable[[], Any]:
        return lambda: app.test_client().get(f"/login/{number}")

    app.add_url_rule("/login/<user>", view_func=login)
    audit.install(app)
    logging.getLogger(audit.LOGGER).addHandler(Slow())
    _ = together(kind, [log_in(number) for number in range(REQUESTS)])
    return {
        "events": sorted({line["event"] for line in lines}),
        "lines": len(lines),
        "owners": len({line["owner"] for line in lines}),
    }


def waiting(kind: str, app: Any) -> Any:
    """Have many wait for a store that hangs; give the statuses, the longest wait, and the lag."""
    over: list[bool] = []
    lags: list[float] = []

    def tick() -> None:
        while not over:
            before = time.monotonic()
            time.sleep(0.01)
            lags.append(time.monotonic() - before - 0.01)

    def visit() -> tuple[int, float]:
        client = app.test_client()
        client.set_cookie("session", token(app))
        before = time.monotonic()
        return client.get("/read").status_code, time.monotonic() - before

    def visits() -> list[Any]:
        found = together(kind, [visit] * WAITS)
        over.append(True)
        return found

    _, found = together(kind, [tick, visits])
    return {
        "statuses": sorted({status for status, _ in found}),
        "longest": max(seconds for _, seconds in found),
        "lag": max(lags),
    }


def token(app: Any) -> str:
    """Give a cookie that the store has to be asked for."""
    signer = app.session_interface.app_sessions.flow._signer
    return str(signer.mint().value)


def main(kind: str, when: str, settings: str, task: str) -> None:
    if when == "early":
        patch(kind)
    import_module("samesession.flask")
    chosen = json.loads(settings)
    if chosen["SESSION_TYPE"] != "memory":
        import_module("samesession.stores." + chosen["SESSION_TYPE"])
    if chosen["SESSION_TYPE"] == "redis":
        import_module("samesession.stores.redis.pooled")
    if when == "late":
        patch(kind)
    tasks: dict[str, Callable[[str, Any], Any]] = {
        "auditing": auditing,
        "counting": counting,
        "waiting": waiting,
    }
    _ = sys.stdout.write(json.dumps(tasks[task](kind, made(chosen))))


if __name__ == "__main__":
    main(*sys.argv[1:])
