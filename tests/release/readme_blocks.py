"""Run the README's blocks for Quart and Flask where only the wheel is installed.

Needs nothing but the wheel with a framework, and is run by the Python that has it:
`python -I readme_blocks.py README.md` in an empty directory.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import secrets
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = ["visit 1", "visit 2", "visit 3"]


def block_for(readme: str, framework: str) -> str:
    """Return the first block that makes an application of a framework."""
    found: list[str] = _BLOCK.findall(readme)
    return next(text for text in found if f"from {framework} import" in text)


def application(text: str, framework: str) -> Any:
    """Run a block as a module of this directory, and return its application."""
    name = f"{framework}_block"
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(Path.cwd() / f"{name}.py")
    exec(compile(text, f"the README's block for {framework}", "exec"), vars(module))
    return vars(module)["app"]


def visits_to_flask(app: Any) -> list[str]:
    """Return what three requests of a browser are answered with."""
    client = app.test_client()
    return [client.get("/").text for _ in _EXPECTED]


async def visits_to_quart(app: Any) -> list[str]:
    """Return the same of Quart."""
    client = app.test_client()
    return [await (await client.get("/")).get_data(as_text=True) for _ in _EXPECTED]


def main(readme: Path) -> None:
    """Run both blocks; exits with an error where one does not count visits."""
    os.environ["SECRET_KEY"] = secrets.token_hex()
    assert importlib.util.find_spec("pytest") is None, "this environment is not bare"
    text = readme.read_text()
    quart = asyncio.run(visits_to_quart(application(block_for(text, "quart"), "quart")))
    flask = visits_to_flask(application(block_for(text, "flask"), "flask"))
    for framework, answers in {"Quart": quart, "Flask": flask}.items():
        if answers != _EXPECTED:
            sys.exit(f"the README's block for {framework} answers {answers}")
    kept = list(Path.cwd().glob(".sessions/??/*"))
    assert len(kept) == 2, kept
    where = importlib.util.find_spec("samesession")
    assert where is not None
    assert "site-packages" in str(where.origin), f"this is not the wheel: {where.origin}"
    print(f"samesession {version('samesession')} from its wheel: both blocks count visits")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
