"""The plugin puts sessions of ours under an application at its first use, and only then."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .plugin import KEY, Underneath


def application(framework: str, underneath: Underneath, **config: Any) -> Any:
    """Make an application of a class whose interface is that one."""
    own = getattr(import_module(framework), framework.capitalize())
    app = type("Application", (own,), {"session_interface": underneath})("application")
    app.config.update(config)
    return app


def beneath(framework: str, placed: list[Any], *, keyless: bool = False) -> Underneath:
    own = getattr(import_module(framework), framework.capitalize()).session_interface

    def place(app: Any) -> None:
        placed.append(app)
        app.session_interface = "ours"

    return Underneath(own, place, keyless=keyless)


def test_the_first_use_places_them_and_no_later_one(framework: str) -> None:
    placed: list[Any] = []
    underneath = beneath(framework, placed)
    app = application(framework, underneath, SECRET_KEY="a key")
    assert placed == []
    assert app.session_interface == "ours" == app.session_interface
    assert placed == [app]
    assert underneath.applications == 1


def test_each_application_has_its_own(framework: str) -> None:
    placed: list[Any] = []
    underneath = beneath(framework, placed)
    apps = [application(framework, underneath, SECRET_KEY="a key") for _ in range(2)]
    for app in apps:
        _ = app.session_interface
    assert placed == apps


def test_an_interface_of_the_application_stays(framework: str) -> None:
    placed: list[Any] = []
    app = application(framework, beneath(framework, placed), SECRET_KEY="a key")
    app.session_interface = "its own"
    assert app.session_interface == "its own"
    assert placed == []


def test_without_a_key_the_framework_answers_until_there_is_one(framework: str) -> None:
    placed: list[Any] = []
    underneath = beneath(framework, placed)
    app = application(framework, underneath)
    assert app.session_interface is type(app).session_interface
    assert (placed, underneath.applications) == ([], 0)
    app.secret_key = "a key"
    assert app.session_interface == "ours"


def test_what_has_no_key_is_given_one_where_that_is_asked_for(framework: str) -> None:
    placed: list[Any] = []
    app = application(framework, beneath(framework, placed, keyless=True))
    assert app.session_interface == "ours"
    assert app.secret_key == KEY
