"""What the site is built with: links in it are checked, log lines and docstrings are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tools import check, diagrams, docstrings, generated, log_lines
from tests.support.pages import DOCS

HEAD = "<!doctype html><title>a page</title>"


def site(directory: Path, **pages: str) -> list[str]:
    for name, text in pages.items():
        _ = (directory / f"{name}.html").write_text(HEAD + text)
    return check.problems(directory)


def test_a_site_whose_links_lead_somewhere_is_in_order(tmp_path: Path) -> None:
    _ = (tmp_path / "picture.svg").write_text("<svg/>")
    first = '<a href="b.html#here">b</a><a href="#">top</a><img src="picture.svg" alt="a picture">'
    assert site(tmp_path, a=first, b='<h2 id="here">b</h2>') == []
    assert check.main([str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<a href="c.html">c</a>', "c.html is not there"),
        ('<a href="#there">there</a>', "#there has no such anchor"),
        ('<a href="b.html#there">there</a>', "b.html#there has no such anchor"),
        ('<img src="c.png" alt="c">', "c.png is not there"),
        ('<script src="https://example.com/a.js"></script>', "loads https://example.com/a.js"),
        ('<link rel="stylesheet" href="//example.com/a.css">', "loads //example.com/a.css"),
        ('<p style="background: url(http://example.com/a.png)">', "loads http://example.com/a.png"),
        ('<img src="b.html">', "a picture has no words that say what it shows"),
    ],
)
def test_what_is_wrong_with_a_page_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    assert site(tmp_path, a=text, b="") == [f"a.html: {told}"]
    assert check.main([str(tmp_path)]) == 1
    assert told in capsys.readouterr().out


def test_a_style_sheet_that_loads_a_font_from_elsewhere_is_told(tmp_path: Path) -> None:
    _ = (tmp_path / "a.css").write_text("@import 'https://example.com/a.css'; a { src: url(b) }")
    assert check.problems(tmp_path) == ["a.css: loads https://example.com/a.css"]


def test_a_link_to_another_site_is_a_readers_to_follow(tmp_path: Path) -> None:
    assert site(tmp_path, a='<a href="https://example.com/">there</a>') == []


def test_each_log_line_of_a_module_is_found() -> None:
    source = """
OVER = "it is over"
def f(self, error):
    log.warning("%s", OVER)
    self.app.logger.error("it failed: %s", error)
    self._tell("once", f"{error} was changed")
def _tell(self, what, message):
    log.info("%s", message)
"""
    assert {*log_lines.lines_of(source, "m")} == {
        ("warning", "it is over", "m"),
        ("error", "it failed: ...", "m"),
        ("info", "... was changed", "m"),
    }
    with pytest.raises(ValueError, match=r"m\.g logs what cannot be read here"):
        _ = [*log_lines.lines_of("def g(error):\n    log.error(str(error))", "m")]


def test_the_lines_of_the_library_are_found() -> None:
    told = {line.text for line in log_lines.lines()}
    assert "the session store failed: ..." in told
    assert not any(text in ("", "...") for text in told)
    rows = log_lines.table().splitlines()
    assert len(rows) == len(log_lines.lines()) + 2


def test_an_indented_block_of_a_docstring_is_code() -> None:
    lines = ["Do it.", "", "    first()", "", "    second()", "", "Or not."]
    assert docstrings.in_rst(lines) == [*lines[:2], "::", "", *lines[2:]]
    listed = ["Do it.", "", ".. versionadded:: 1.0", "", "    In a way."]
    assert docstrings.in_rst(listed) == listed


@pytest.mark.parametrize("name", diagrams.PICTURES)
def test_a_picture_says_in_words_what_it_shows(name: str) -> None:
    shown = diagrams.figure(name)
    assert f'aria-labelledby="title-{name}"' in shown
    assert f'<title id="title-{name}">' in shown
    pages = [path for path in DOCS.rglob("*.md") if f":::{{diagram}} {name}\n" in path.read_text()]
    assert len(pages) == 1


def test_a_directory_of_the_project_is_no_link_of_the_site() -> None:
    text = "[a](../../examples/devices), [its app](../../examples/devices/site.py), [b](b.md)"
    made = generated.expanded(text, DOCS / "guides" / "accounts.md")
    assert made == "a, [its app](../../examples/devices/site.py), [b](b.md)"
