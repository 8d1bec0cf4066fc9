"""The page about testing applications: its suite passes, and without a server."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import INSTALLED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "testing.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES: dict[str, str] = {re.match(r"# (\S+)\n", text)[1]: text for _, text in BLOCKS}  # type: ignore[index]  # each is named


def test_each_block_is_a_file() -> None:
    assert {*FILES} == {
        *("shop.py", "pyproject.toml", "test_shop.py"),
        *("quart_shop.py", "test_quart_shop.py"),
        *("bound_shop.py", "test_bound_shop.py"),
    }


@pytest.mark.parametrize(
    ("module", "passed"),
    [
        pytest.param("shop", 6, marks=pytest.mark.needs("flask")),
        pytest.param("quart_shop", 2, marks=pytest.mark.needs("quart")),
        pytest.param("bound_shop", 2, marks=pytest.mark.needs("flask")),
    ],
)
def test_the_suite_passes(pytester: pytest.Pytester, module: str, passed: int) -> None:
    if module == "shop" and INSTALLED != ("flask", "quart"):
        FILES["shop.py"] = re.sub(
            r"    SESSION_(TYPE|REDIS)=.*\n", "", FILES["shop.py"]
        )  # no client
    fixtures = tomllib.loads(FILES["pyproject.toml"])["tool"]["pytest"]["ini_options"]
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        f"usefixtures = {' '.join(fixtures['usefixtures'])}"
    )
    for name in (f"{module}.py", f"test_{module}.py"):
        (pytester.path / name).write_text(FILES[name])
    result = pytester.runpytest_subprocess("-p", "samesession.pytest_plugin")
    result.assert_outcomes(passed=passed)
    assert not (pytester.path / ".sessions").exists()
