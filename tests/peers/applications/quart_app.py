"""One Quart application, on the library that its first argument names: JSON, see `serving.py`.

Run in the environment of that library, and then on samesession: nothing else differs.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, abort, flash, get_flashed_messages, jsonify, request, session

from .samples import SAMPLES, described


def quart_session(app: Quart) -> None:
    """Keep sessions as Quart-Session does, where the settings say."""
    import_module("quart_session").Session(app)


def samesession(app: Quart) -> None:
    """Keep sessions as ours do."""
    import_module("samesession").Session(app)


def nothing(app: Quart) -> None:
    """Keep Quart's own cookie."""


LIBRARIES = {"quart-session": quart_session, "samesession": samesession, "none": nothing}


def make(setup: dict[str, Any]) -> Quart:
    app = Quart("shop")
    app.config.update(setup["config"])
    LIBRARIES[setup["library"]](app)
    _accounts(app)
    _values(app)
    return app


def from_environment() -> Quart:
    """Return the application for `quart --app`."""
    return make(json.loads(os.environ["MIGRATION_SETUP"]))


def _accounts(app: Quart) -> None:
    """Log in as applications do that keep who it is in their session."""

    @app.post("/login/<name>")
    async def login(name: str) -> Any:
        session["user_id"] = name
        return jsonify(name)

    @app.get("/me")
    async def me() -> Any:
        return jsonify(session.get("user_id"))

    @app.post("/logout")
    async def logout() -> Any:
        session.clear()
        return jsonify(None)

    @app.get("/form")
    async def form() -> Any:
        return jsonify(session.setdefault("csrf_token", secrets.token_hex()))

    @app.post("/form")
    async def posted() -> Any:
        if (await request.form)["csrf_token"] != session.get("csrf_token"):
            abort(400)
        return jsonify("posted")


def _values(app: Quart) -> None:
    @app.post("/fill")
    async def fill() -> Any:
        asked = await request.get_json()
        session.permanent = asked["permanent"]
        for name in asked["names"]:
            session[name] = SAMPLES[name]
        for category, message in asked["flashes"]:
            await flash(message, category)
        return jsonify(None)

    @app.get("/report")
    async def report() -> Any:
        return jsonify({name: described(value) for name, value in dict(session).items()})

    @app.get("/flashes")
    async def flashes() -> Any:
        return jsonify(get_flashed_messages(with_categories=True))

    @app.post("/put/<name>/<value>")
    async def put(name: str, value: str) -> Any:
        session[name] = value
        return jsonify(value)

    @app.post("/hold")
    async def hold() -> Any:
        files = await request.get_json()
        session["held"] = True  # and another process says when to go on
        Path(files["begun"]).touch()  # noqa: ASYNC240
        while not Path(files["until"]).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)
        return jsonify(None)


async def main(setup: dict[str, Any]) -> None:
    config = Config()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config.bind = [f"fd://{listener.detach()}"]
    print(json.dumps({"port": port}), flush=True)  # what the test waits for
    await serve(make(setup), config)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
