"""What applications may rely on, in lines: names, signatures, settings, signals, commands, extras.

The source is read, not imported, so that each Python tells the same. `python -m
tests.support.public_api` writes the lines where the test compares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, cast

import click
import griffe

from samesession import __main__ as module_commands
from samesession import signals
from samesession.cli import commands
from samesession.core.store import Colour
from samesession.device_settings import DeviceSettings
from samesession.framework_settings import FLASKS
from samesession.header_settings import HeaderSettings
from samesession.migration_settings import MigrationSettings
from samesession.reading_settings import declared
from samesession.settings import CommonSettings
from samesession.stores import built_in

ROOT = Path(__file__).parents[2]
LISTED = ROOT / "tests" / "architecture" / "public-api.txt"
# Where public names are; the README and the pages import from no other module.
MODULES = (
    "samesession",
    "samesession.flask",
    "samesession.quart",
    "samesession.flask_login",
    "samesession.quart_auth",
    "samesession.typed_session",
    "samesession.signals",
    "samesession.audit",
    "samesession.labels",
    "samesession.otel",
    "samesession.pytest_plugin",
    "samesession.stores.base",
    "samesession.testing",
)
# What of a class is public without being named so: how it is made, and called.
_SPECIAL = ("__init__", "__call__")
# Made by the library alone: how is not promised.
_MADE_HERE = (
    "samesession.ServerSession",
    "samesession.quart.Ended",
    "samesession.stores.base.Config",
)
# Of which no more is promised than their frameworks ask of them.
_OPAQUE = ("samesession.flask.FlaskSessionInterface", "samesession.quart.QuartSessionInterface")
# What pytest calls: new tests of a contract are no break of ours, but of the store that fails.
_OF_PYTEST = ("test_", "pytest_")


def lines() -> list[str]:
    """Return all that is public, a line each."""
    return [*names(), *settings(), *signal_lines(), *command_lines(), *packaging()]


def names() -> Iterator[str]:
    """Yield each public name with its signature, and below a class what it has."""
    package = griffe.load("samesession", search_paths=[ROOT / "src"], resolve_aliases=True)
    found = dict(_exported(package))
    first = {each.path: path for path, each in reversed(found.items())}
    for path, each in found.items():
        if first[each.path] == path:
            yield from _described(path, each, public=first)
        else:
            yield f"{path} is {first[each.path]}"


# Any, here and below: griffe's objects have attributes by their kind.
def _exported(package: Any) -> Iterator[tuple[str, Any]]:
    for name in MODULES:
        module = package if name == "samesession" else package[name.partition(".")[2]]
        assert module.exports is not None, f"{name} needs an __all__"
        for each in sorted(map(str, module.exports)):
            yield f"{name}.{each}", _target(module.members[each])


def _target(found: Any) -> Any:
    return found.final_target if found.is_alias else found


def _described(path: str, found: Any, *, public: Container[str] = ()) -> Iterator[str]:
    match found.kind:
        case griffe.Kind.CLASS:
            yield f"class {path}({', '.join(_bases(found, public))})"
            if path not in _OPAQUE:
                yield from _members(path, found)
        case griffe.Kind.FUNCTION:
            for each in found.overloads or [found]:
                yield f"{_kind(each)} {path}{_signature(each)}"
        case _ if found.annotation is None and not _is_enumerated(found):
            yield path  # made when the program runs
        case _:
            annotation = "" if found.annotation is None else f": {found.annotation}"
            value = "" if found.value is None else f" = {found.value}"
            yield f"{path}{annotation}{value}"


def _bases(found: Any, public: Container[str]) -> Iterator[str]:
    """Yield the bases that are public or others', and of our own those' in their place."""
    ours = {base.path: base for base in found.resolved_bases}
    for base in found.bases:
        path = base if isinstance(base, str) else base.canonical_path
        if path in ours and path not in public and path.startswith("samesession."):
            yield from _bases(ours[path], public)
        else:
            yield str(base)


def _members(path: str, found: Any) -> Iterator[str]:
    for name, member in sorted(found.all_members.items()):
        if not _is_public(path, name):
            continue
        each = _target(member)
        if "property" in each.labels:
            also = ", writable" if "writable" in each.labels else ""
            yield f"property {path}.{name}: {each.annotation}{also}"
        else:
            overloads = found.overloads.get(name)
            for one in overloads or [each]:
                yield from _described(f"{path}.{name}", one)


def _is_public(path: str, name: str) -> bool:
    if name == "__init__" and path in _MADE_HERE:
        return False
    return name in _SPECIAL or not name.startswith(("_", *_OF_PYTEST))


def _is_enumerated(found: Any) -> bool:
    """Return whether an attribute is one of an Enum's, whose value may be stored or sent."""
    bases = getattr(found.parent, "bases", ())
    return any("Enum" in str(base) for base in bases)


def _kind(function: Any) -> str:
    return "async def" if "async" in function.labels else "def"


def _signature(function: Any) -> str:
    """Return the parameters, their defaults and what is returned, as the source has them."""
    name, parenthesis, rest = str(function.signature()).partition("(")
    assert name == function.name
    return parenthesis + rest


def settings() -> Iterator[str]:
    """Yield each setting with its default."""
    for name in FLASKS:
        yield f"setting {name}, of Flask"
    kinds: list[type[object]] = [CommonSettings, MigrationSettings, HeaderSettings, DeviceSettings]
    found = [each for kind in [*kinds, *built_in().values()] for each in declared(kind).values()]
    for each in sorted(found, key=lambda each: each.name):
        yield f"setting {each.name} = {each.shown or repr(each.default)}"


def signal_lines() -> Iterator[str]:
    """Yield each signal: what it is called in the module, and in blinker."""
    for name in signals.__all__:
        yield f'signal {name} "{getattr(signals, name).name}"'


def command_lines() -> Iterator[str]:
    """Yield each command with its arguments and options."""
    # No command is run: neither sessions nor what runs steps are there.
    nothing = cast("Any", None)
    groups = {
        "sessions": commands(nothing, nothing, Colour.SYNC),
        "python -m samesession": module_commands.main,
    }
    for called, group in groups.items():
        context = click.Context(group)
        for name in sorted(group.list_commands(context)):
            command = group.get_command(context, name)
            assert command is not None
            parts = [_parameter(each) for each in command.params]
            yield " ".join(["command", called, name, *filter(None, parts)])


def _parameter(each: click.Parameter) -> str:
    flag = isinstance(each, click.Option) and each.is_flag
    taken = "" if flag else f" {each.type.name.upper()}"
    written = "|".join([*each.opts, *each.secondary_opts])
    if isinstance(each, click.Argument):
        written, taken = str(each.name).upper(), ""
    several = "..." if each.nargs == -1 or each.multiple else ""
    whole = f"{written}{taken}{several}"
    return whole if each.required else f"[{whole}]"


def packaging() -> Iterator[str]:
    """Yield what can be asked for when the package is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    yield f"python {project['requires-python']}"
    for extra in sorted(project["optional-dependencies"]):
        yield f"extra {extra}"
    yield "entry points samesession.stores"


if __name__ == "__main__":
    _ = LISTED.write_text("".join(f"{line}\n" for line in lines()))
