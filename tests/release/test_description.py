"""What a package index shows of the README leads nowhere outside of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RELATIVE = re.compile(r"\]\((?!https?:)")


def description(readme: str) -> str:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.description(readme)
    assert isinstance(made, str)
    return made


def test_the_description_has_no_link_into_the_project() -> None:
    assert RELATIVE.search(README)
    assert RELATIVE.search(description(README)) is None


def test_links_become_their_text_and_pictures_go() -> None:
    readme = (
        "# a\n\n![a picture](docs/a.png)\n\nSee [the page](docs/b.md) and [us](https://c.de).\n"
    )
    assert description(readme) == "# a\n\nSee the page and [us](https://c.de).\n"


def test_the_picture_comes_first() -> None:
    assert README.splitlines()[2].startswith("![")
