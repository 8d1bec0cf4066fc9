"""A Flask application for servers to run; each answer names the process that gave it."""

from __future__ import annotations

import os
from typing import Any

from asgiref.wsgi import WsgiToAsgi
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from samesession import Session
from samesession.flask import session

from .settings import count_up, settings

app = Flask(__name__)
app.config.from_mapping(settings())
app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]  # as Flask's documentation has it
Session(app)
asgi = WsgiToAsgi(app)  # type: ignore[no-untyped-call]  # it has no annotations


@app.post("/login")
def login() -> dict[str, Any]:
    session.bind(request.args["name"])
    session["name"] = request.args["name"]
    return {"pid": os.getpid()}


@app.get("/me")
def me() -> dict[str, Any]:
    return {"pid": os.getpid(), "name": session.get("name"), "count": session.get("count", 0)}


@app.post("/count")
def count() -> dict[str, Any]:
    session.update_atomically(count_up)
    return {"pid": os.getpid()}


@app.post("/logout")
def logout() -> dict[str, Any]:
    session.end()
    return {"pid": os.getpid()}
