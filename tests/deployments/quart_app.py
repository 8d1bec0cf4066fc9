"""The same application for Quart."""

from __future__ import annotations

import os
from typing import Any

from quart import Quart, request

from samesession import Session
from samesession.quart import session

from .settings import count_up, settings

app = Quart(__name__)
app.config.from_mapping(settings())
Session(app)


@app.post("/login")
async def login() -> dict[str, Any]:
    session.bind(request.args["name"])
    session["name"] = request.args["name"]
    return {"pid": os.getpid()}


@app.get("/me")
async def me() -> dict[str, Any]:
    return {"pid": os.getpid(), "name": session.get("name"), "count": session.get("count", 0)}


@app.post("/count")
async def count() -> dict[str, Any]:
    session.update_atomically(count_up)
    return {"pid": os.getpid()}


@app.post("/logout")
async def logout() -> dict[str, Any]:
    session.end()
    return {"pid": os.getpid()}
