"""How Sphinx builds the site: `nox -s docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.tools import docstrings, generated  # noqa: E402  # the line above finds it
from samesession import __version__  # noqa: E402

project = "samesession"
author = "The samesession developers"
project_copyright = f"2026 {author}"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["tools", "benchmarks/*.json"]

myst_enable_extensions = ["colon_fence", "deflist", "tasklist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

# Docstrings write code in single backticks.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "samesession"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it would ask for pages, which a file may not
smartquotes = False  # log lines and code in tables are shown as they are
pygments_dark_style = "a11y-high-contrast-dark"
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
templates_path: list[str] = []


def _put_in(app: Any, name: str, source: list[str]) -> None:
    """Put what the code says into a page, before Sphinx reads it."""
    path = Path(app.srcdir) / f"{name}.md"
    if path.exists():
        source[0] = generated.expanded(source[0], path)


def _written(  # noqa: PLR0917  # Sphinx's signature
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Turn a docstring of ours into what autodoc reads."""
    del app, what, name, obj, options
    lines[:] = docstrings.in_rst(lines)


def setup(app: Any) -> dict[str, bool]:
    """Have Sphinx call what is here."""
    app.connect("source-read", _put_in)
    app.connect("autodoc-process-docstring", _written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
