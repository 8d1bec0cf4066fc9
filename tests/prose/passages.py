"""Take the prose out of a file: what a reader reads, without the code in it.

A passage is one docstring, one comment, one message, or one paragraph of Markdown. Its text
stands on one line, and `lines` says where each part of it came from.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

# What takes the place of code inside a sentence: it is a word, and no rule knows it.
CODE = "CODE"
# A text with fewer words than this is a name or a key, not a message.
WORDS_OF_A_MESSAGE = 3
# Comments for a tool, of which only the reason behind them is prose.
DIRECTIVE = re.compile(r"^(type: ignore|noqa|pyright:|fmt:|pragma:)[^#]*#?\s*")
# Directives that hold names, not sentences.
NAMES = re.compile(r":{3,}\{(api|settings|diagram|log-lines|toctree)\}")
# Parts of other languages in string literals, such as SQL and Lua.
OTHER_LANGUAGE = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE TABLE|PRAGMA|redis\.call)\b")


class Kind(Enum):
    """What a passage is, as some rules are for docstrings only."""

    DOCSTRING = "docstring"
    COMMENT = "comment"
    MESSAGE = "message"
    PAGE = "page"


@dataclass(frozen=True)
class Passage:
    """A piece of prose, and where it stands."""

    kind: Kind
    text: str
    # Pairs of an offset in the text and the line of the file that begins there.
    lines: tuple[tuple[int, int], ...] = field(repr=False)

    def line_at(self, offset: int) -> int:
        """Return the line of the file that this offset of the text came from."""
        return self.lines[bisect_right(self.lines, (offset, 1 << 60)) - 1][1]


def passages(path: Path) -> Iterator[Passage]:
    """Yield what is to be read in a Python file or in a page of Markdown."""
    text = path.read_text(encoding="utf-8")
    return of_python(text) if path.suffix == ".py" else of_markdown(text)


def of_markdown(text: str) -> Iterator[Passage]:
    """Yield paragraphs, list items, table cells and headings; skip blocks of code."""
    paragraph: list[tuple[int, str]] = []
    fence, above, in_list, in_code = "", "", False, False
    for number, line in enumerate(text.splitlines(), 1):
        stripped, before = line.strip(), above
        above = stripped
        # An indented block is code, unless it belongs to an item of a list.
        in_list = bool(re.match(r"([-*+]|\d+\.)\s", stripped)) or (
            in_list and (not stripped or line[0] == " ")
        )
        in_code = line.startswith("    ") and not in_list and (in_code or not before)
        if in_code:
            continue
        opening = re.match(r"(`{3,}|~{3,}|:{3,})", stripped)
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip(fence[0]) else fence
            continue
        if opening or not stripped or re.match(r"([-*+]|\d+\.|#+|>|\||:?-{3,})(\s|$)", stripped):
            yield from _joined(Kind.PAGE, paragraph)
            paragraph = []
        if opening:
            is_prose = opening[0][0] == ":" and not NAMES.match(stripped)
            fence = "" if is_prose else opening[0]
        elif stripped.startswith("|"):
            cells = stripped.strip("|").split("|")
            for cell in cells:
                yield from _joined(Kind.PAGE, [(number, _plain(cell))])
        elif stripped:
            paragraph.append((number, stripped))
    yield from _joined(Kind.PAGE, paragraph)


def of_python(text: str) -> Iterator[Passage]:
    """Yield docstrings, comments and messages."""
    tree = ast.parse(text)
    docstrings = {id(each): each for each in _docstrings(tree)}
    for constant in docstrings.values():
        yield from _paragraphs(constant)
    yield from _comments(text)
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inside:
            continue
        message = _message(node)
        if len(message.split()) >= WORDS_OF_A_MESSAGE and not OTHER_LANGUAGE.search(message):
            line = getattr(node, "lineno", 1)
            yield from _joined(Kind.MESSAGE, [(line, each) for each in message.splitlines()])


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the texts that stand alone: docstrings, and those of attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as constant):
                yield constant
            case _:
                pass


def _message(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            parts = (p.value if isinstance(p, ast.Constant) else CODE for p in values)
            return "".join(str(part) for part in parts)
        case _:
            return ""


def _paragraphs(constant: ast.Constant) -> Iterator[Passage]:
    """Yield a docstring by its paragraphs, without blocks of code, tables and directives."""
    docstring, first = str(constant.value), constant.lineno
    paragraph: list[tuple[int, str]] = []
    kind = Kind.DOCSTRING
    for number, line in enumerate(docstring.splitlines(), first):
        stripped = line.strip()
        indented = number > first and len(line) - len(line.lstrip()) > constant.col_offset
        if not stripped or stripped.startswith((".. ", ">>> ", "- ")):
            yield from _joined(kind, paragraph)
            # Rules on openings are for the first paragraph.
            kind, paragraph = (Kind.COMMENT if paragraph else kind), []
        if (
            stripped
            and not (indented and not paragraph)
            and not stripped.startswith((".. ", ">>>"))
        ):
            paragraph.append((number, stripped))
    yield from _joined(kind, paragraph)


def _comments(text: str) -> Iterator[Passage]:
    block: list[tuple[int, str]] = []
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        number = token.start[0]
        alone = lines[number - 1].lstrip().startswith("#")
        if not (alone and block and block[-1][0] == number - 1):
            yield from _joined(Kind.COMMENT, block)
            block = []
        said = DIRECTIVE.sub("", token.string.lstrip("#! "))
        block.append((number, said))
        if not alone:
            yield from _joined(Kind.COMMENT, block)
            block = []
    yield from _joined(Kind.COMMENT, block)


def _joined(kind: Kind, parts: Iterable[tuple[int, str]]) -> Iterator[Passage]:
    text, lines = "", []
    for number, part in parts:
        lines.append((len(text) + bool(text), number))
        text = f"{text} {part}" if text else part
    plain = _plain(text)
    if plain.strip():
        # Code is replaced by as many characters, so that the offsets hold.
        yield Passage(kind, plain, tuple(lines))


def _plain(text: str) -> str:
    """Replace code, links' targets and HTML by words of the same length."""

    def hide(found: re.Match[str]) -> str:
        length = len(found[0])
        return CODE.ljust(length, "_") if length >= len(CODE) else "_" * length

    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)|https?://\S+|<[a-z/!][^>]*>", hide, text)
    return re.sub(r"(?<=\])\([^)\s]*\)", lambda found: " " * len(found[0]), text)
