"""Every shell command of the documentation names what there is: sessions, extras, options."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import pytest

from samesession import Session
from samesession.settings import Config
from tests.conftest import INSTALLED
from tests.support.pages import BLOCKS, ROOT, Block
from tests.support.site import SECRET_KEY

NOXFILE = (ROOT / "noxfile.py").read_text()
SHELL = [block for block in BLOCKS if block.language == "sh"]


def commands(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [each.strip() for line in lines for each in _code(line).split("&&") if each.strip()]


def _code(line: str) -> str:
    return re.split(r"(?:^|\s)#", line)[0]


def _sessions() -> click.Group:
    app: Any = getattr(import_module(INSTALLED[0]), INSTALLED[0].capitalize())("documented")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="memory")
    Session(app)
    group = app.cli.commands["sessions"]
    assert isinstance(group, click.Group)
    return group


def of_framework(words: list[str]) -> None:
    """Take `flask run` and `quart sessions ...`, whose arguments are parsed."""
    at = next(at for at, word in enumerate(words) if word in ("run", "sessions"))
    assert words[1:at] == [] or (words[1] == "--app" and at == 3)
    if words[at] == "sessions":
        group = _sessions()
        command = group.get_command(click.Context(group), words[at + 1])
        assert command is not None, words[at + 1]
        parser = command.make_parser(click.Context(command))
        _, left, _ = parser.parse_args(words[at + 2 :])
        assert left == []


def of_pip(words: list[str]) -> None:
    assert words[1] == "install"
    for wanted in words[2:]:
        # What extras it names is looked at below.
        assert re.fullmatch(r"nox|(samesession|\.)(\[[\w,-]+\])?", wanted), wanted


def of_python(words: list[str]) -> None:
    if words[1:3] == ["-m", "venv"]:
        assert f"{words[3]}/" in (ROOT / ".gitignore").read_text().split()
        return
    assert words[1] == "-c"
    _ = compile(words[2], "documented", "exec")


def of_export(words: list[str]) -> None:
    name, _, value = words[1].partition("=")
    told = subprocess.run(
        ["sh", "-c", f'export {name}={value}; printf %s "${name}"'],
        stdout=subprocess.PIPE,
        check=True,
        env={"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"},
    )
    assert Config.read({"SECRET_KEY": told.stdout.decode()}).secret_keys


def of_nox(words: list[str]) -> None:
    sessions = set(re.findall(r"^def (\w+)\(session: nox", NOXFILE, re.MULTILINE))
    named, _, rest = " ".join(words[1:]).partition("--")
    options = named.split()
    assert not options or options[0] == "-s"
    assert set(options[1:]) <= sessions
    for path in rest.split():
        assert "/" not in path or (ROOT / path).exists()


def of_source(words: list[str]) -> None:
    assert words[1:] == [".venv/bin/activate"]


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    **dict.fromkeys(("flask", "quart"), of_framework),
    **dict.fromkeys(("python", "python3"), of_python),
    "pip": of_pip,
    "export": of_export,
    "nox": of_nox,
    ".": of_source,
}


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_a_command_names_what_there_is(block: Block) -> None:
    for command in commands(block):
        # A command within another one is one word of it.
        words = [command[:6], command[7:]] if "$(" in command else shlex.split(command)
        PROGRAMS[words[0]](words)


def test_an_option_that_is_not_there_is_noticed() -> None:
    of_framework(["flask", "sessions", "revoke", "--all", "--yes"])
    with pytest.raises(click.NoSuchOption):
        of_framework(["flask", "sessions", "revoke", "--everything"])
    with pytest.raises(AssertionError):
        of_framework(["flask", "sessions", "forget"])
    assert len(SHELL) >= 4
