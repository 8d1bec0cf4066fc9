"""Whatever has a name is on one page of the reference: settings, signals, commands, functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

import samesession
from docs.tools import api, generated
from samesession import Session, signals
from samesession.core.events import Event
from samesession.header_settings import HeaderSettings
from samesession.reading_settings import declared
from samesession.settings import CommonSettings
from samesession.stores import built_in
from tests.conftest import INSTALLED
from tests.support.pages import DOCS
from tests.support.site import SECRET_KEY

REFERENCE = sorted((DOCS / "reference").rglob("*.md"))
# All that an application, or who writes a store, may import.
PUBLIC = (
    *("samesession", "samesession.flask", "samesession.quart", "samesession.audit"),
    *("samesession.otel", "samesession.labels", "samesession.flask_login"),
    *("samesession.quart_auth", "samesession.typed_session", "samesession.pytest_plugin"),
    *("samesession.stores.base", "samesession.testing"),
)
# The framework's own, and a page in words: docs/reference/api/session.md.
IN_WORDS = {"samesession.flask.session", "samesession.quart.session"}


def pages_with(pattern: str, pages: Iterable[Path] = REFERENCE) -> Counter[str]:
    """Count what a pattern finds in the pages as their sources are."""
    return Counter(
        found for page in pages for found in re.findall(pattern, page.read_text(), re.MULTILINE)
    )


def kinds() -> list[type[object]]:
    """Find the classes that declare settings, of the library's own and of its stores."""
    found: list[type[object]] = [*built_in().values()]
    for path in sorted(Path(samesession.__file__).parent.glob("*_settings.py")):
        values = vars(import_module(f"samesession.{path.stem}")).values()
        found += [each for each in values if isinstance(each, type) and _declares(each)]
    return [*found, CommonSettings]


def _declares(kind: type[object]) -> bool:
    try:
        return bool(declared(kind))
    except TypeError:
        return False


def test_each_setting_is_described_once() -> None:
    known = {each.name for kind in kinds() for each in declared(kind).values()}
    assert len(known) > 40
    page = generated.page(DOCS / "reference" / "settings.md")
    described = re.findall(r"^:::\{confval\} (SESSION_\w+)$", page, re.MULTILINE)
    assert Counter(described) == Counter(known)
    others = [each for each in REFERENCE if each.name != "settings.md"]
    assert pages_with(r"^\| `(SESSION_\w+)` \||\{(?:settings|confval)\}", others) == Counter()


def test_a_setting_is_described_by_its_declaration() -> None:
    text = ":::{settings} samesession.header_settings.HeaderSettings\nSESSION_HEADER\n:::\n"
    made = generated.expanded(text, DOCS / "reference" / "settings.md")
    (each,) = declared(HeaderSettings).values()
    assert made == f":::{{confval}} SESSION_HEADER\n:default: `None`\n\n{each.doc}\n:::\n"
    with pytest.raises(KeyError):
        _ = generated.expanded(text.replace("_HEADER\n", "_HEADED\n"), DOCS)


def test_each_signal_is_in_one_table() -> None:
    names = [signals.name_of(event) for event in Event]
    assert all(hasattr(signals, name) for name in names)
    assert pages_with(r"^\| `(session_\w+)` \|") == Counter(names)


def test_each_command_has_one_section() -> None:
    app: Any = getattr(import_module(INSTALLED[0]), INSTALLED[0].capitalize())("documented")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="memory")
    Session(app)
    group = app.cli.commands["sessions"]
    assert isinstance(group, click.Group)
    assert pages_with(r"^## `([a-z-]+)`$") == Counter(group.list_commands(click.Context(group)))


@pytest.mark.needs("flask", "quart")
def test_each_public_name_is_on_one_page() -> None:
    described = Counter(
        f"{module}.{name}"
        for page in REFERENCE
        for module, words in re.findall(
            r"^:::\{api\} (\S+)\n((?:[-\w]+\n)*):::$", page.read_text(), re.MULTILINE
        )
        for name in api.chosen(module, words.split())
    )
    public = {
        f"{module}.{name}": getattr(import_module(module), name)
        for module in PUBLIC
        for name in api.public_names(import_module(module))
    }
    assert [name for name, times in described.items() if times > 1] == []
    objects = [value for name, value in public.items() if name in described]
    missing = {
        name
        for name, value in public.items()
        if name not in described and not any(value is each for each in objects)
    }
    assert missing == IN_WORDS
    for name in IN_WORDS:
        assert f"`{name}`" in (DOCS / "reference" / "api" / "session.md").read_text()


@pytest.mark.needs("flask", "quart")
def test_a_name_that_a_module_has_not_is_noticed() -> None:
    assert api.chosen("samesession.labels", []) == ["from_user_agent"]
    with pytest.raises(ValueError, match="exports no from_agent"):
        _ = api.chosen("samesession.labels", ["from_agent"])
    with pytest.raises(ValueError, match="exports no forget"):
        _ = api.chosen("samesession.flask", ["-forget"])


@pytest.mark.needs("flask", "quart")
def test_each_field_of_what_lists_have_is_explained() -> None:
    kind = import_module("samesession").SessionInfo
    doc = kind.__doc__ or ""
    told = {"sid", "owner", "label"}  # as `bind` was given them
    assert {each.name for each in fields(kind)} - told <= set(re.findall(r"`(\w+)`:", doc))
