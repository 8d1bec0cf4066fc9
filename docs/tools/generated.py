"""Parts of pages that the code itself says: a page names one, and the site's build puts it in.

    :::{settings} samesession.stores.redis.settings.RedisSettings
    :::

Each becomes Markdown before Sphinx reads the page, so that tests read what readers read, and
need no Sphinx. Never knows Sphinx.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from docs.tools import api, diagrams, log_lines
from samesession.reading_settings import Setting, declared

DOCS = Path(__file__).parents[1]
_PART = re.compile(
    r"^:::\{(settings|api|diagram|log-lines)\}(?: +(.*))?\n((?:(?!:::).*\n)*):::$", re.MULTILINE
)
_OUTSIDE = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\((\.\.[^)#\s]*)(?:#[^)]*)?\)")


def page(path: Path) -> str:
    """Return a page with its generated parts in place, in Markdown."""
    return expanded(path.read_text(), path)


def expanded(text: str, path: Path) -> str:
    """Put the generated parts into a page's text; `path` says where links in it begin."""
    made = _PART.sub(
        lambda found: _PARTS[found[1]]((found[2] or "").split(), found[3].split()), text
    )
    return _OUTSIDE.sub(lambda found: _link(found, path), made)


def _settings(kinds: list[str], names: list[str]) -> str:
    """Describe some classes' settings, or those that are named, in that order."""
    known: dict[str, Setting] = {}
    for kind in kinds:
        module, _, name = kind.rpartition(".")
        found = declared(getattr(import_module(module), name))
        known |= {each.name: each for each in found.values()}
    return "\n\n".join(_described(known[name]) for name in names or known)


def _described(each: Setting) -> str:
    """Describe a setting, which is found by its name in the index and the search."""
    written = repr(each.default).replace("'", '"')
    default = each.shown or f"`{written}`"
    return f":::{{confval}} {each.name}\n:default: {default}\n\n{each.doc}\n:::"


def _api(modules: list[str], names: list[str]) -> str:
    (module,) = modules
    return api.described(module, names)


def _diagram(names: list[str], _: list[str]) -> str:
    (name,) = names
    return diagrams.figure(name)


def _log_lines(_: list[str], __: list[str]) -> str:
    return log_lines.table()


_PARTS: dict[str, Callable[[list[str], list[str]], str]] = {
    "settings": _settings,
    "api": _api,
    "diagram": _diagram,
    "log-lines": _log_lines,
}


def _link(found: re.Match[str], path: Path) -> str:
    """Return a link as the site has it: a directory of the project is only named there."""
    target = Path(os.path.normpath(path.parent / found[2]))
    inside = target.is_relative_to(DOCS)
    return found[1] if target.is_dir() and not inside else found[0]
