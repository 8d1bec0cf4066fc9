"""What type checkers make of `Session`, by mypy and by pyright; nothing here is ever run."""

# pyright: reportUnusedCallResult=false, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from flask import Flask
from quart import Quart

from samesession import Session
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from samesession.stores.redis import RedisStore


class OwnFlask(Flask):
    """An application of a class of its own."""


class OwnQuart(Quart):
    """An application of a class of its own."""


def either_framework(flask: Flask, quart: Quart, either: Flask | Quart) -> None:
    assert_type(Session(flask), Session)
    assert_type(Session(quart), Session)
    assert_type(Session(either), Session)
    assert_type(Session(OwnFlask("own")), Session)
    assert_type(Session(OwnQuart("own")), Session)


def a_factory(flask: Flask, quart: Quart) -> None:
    sessions = Session()
    sessions.init_app(flask)
    sessions.init_app(quart)


def store_objects(flask: Flask, quart: Quart, directory: Path) -> None:
    Session(flask, store=MemoryStore())
    Session(flask, store=FileStore(directory))
    Session(quart, store=RedisStore("redis://localhost"))
    Session(store=MemoryStore()).init_app(quart)


def for_tests(flask: Flask) -> None:
    Session(flask, clock=lambda: 0.0)


def wrong(flask: Flask) -> None:
    # Each ignore is an error where it is not needed, so that losing the error fails.
    Session("app")  # type: ignore[arg-type]
    Session(Flask)  # type: ignore[arg-type]
    Session().init_app(object())  # type: ignore[arg-type]
    Session().init_app(None)  # type: ignore[arg-type]
    Session(flask, store="redis")  # type: ignore[arg-type]
    Session(flask, store=MemoryStore)  # type: ignore[arg-type]
    Session(flask, clock=lambda: "now")  # type: ignore[arg-type,return-value]
    Session(flask, MemoryStore())  # type: ignore[call-arg]
    Session(flask, entropy=bytes)  # type: ignore[call-arg]
