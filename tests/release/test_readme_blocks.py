"""What runs the README on a wheel finds the blocks, and the blocks run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release.readme_blocks import block_for

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_readme_has_a_block_for_each_framework(framework: str) -> None:
    block = block_for(README, framework)
    assert f"from {framework} import" in block
    assert "Session(app)" in block
    assert '@app.get("/")' in block


def test_a_readme_without_one_is_an_error() -> None:
    with pytest.raises(StopIteration):
        block_for("```python\nimport flask\n```\n", "flask")
