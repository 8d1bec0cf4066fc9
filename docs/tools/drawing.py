"""A few shapes of SVG: boxes, arrows and words. Colours come from the page's own style sheet."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

LINE = 20  # from one line of words to the next


class Point(NamedTuple):
    """A place in a drawing, from its upper left corner."""

    x: float
    y: float


def words(at: Point, *lines: str, kind: str = "", anchor: str = "middle") -> str:
    """Return lines of words, one below the other and centred upon a point."""
    top = at.y - (len(lines) - 1) * LINE / 2
    spans = "".join(
        f'<tspan x="{at.x:g}" y="{top + number * LINE:g}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return f'<text class="{kind}" text-anchor="{anchor}" dominant-baseline="central">{spans}</text>'


def box(at: Point, size: Point, *lines: str, kind: str = "") -> str:
    """Return a box whose first line is its title; `at` is its upper left corner."""
    middle = Point(at.x + size.x / 2, at.y + size.y / 2)
    title = Point(middle.x, middle.y - (len(lines) - 1) * LINE / 2)
    rest = Point(middle.x, middle.y + LINE / 2)
    return (
        f'<rect class="box {kind}" x="{at.x:g}" y="{at.y:g}" width="{size.x:g}" '
        f'height="{size.y:g}" rx="8"/>'
        + (words(title, *lines[:1], kind="title") if lines else "")
        + (words(rest, *lines[1:], kind="small") if lines[1:] else "")
    )


def arrow(*through: Point, both: bool = False, kind: str = "") -> str:
    """Return a line through some points, with a head at its end, or at both."""
    path = " L".join(f"{point.x:g} {point.y:g}" for point in through)
    start = ' marker-start="url(#head)"' if both else ""
    return f'<path class="arrow {kind}" d="M{path}" marker-end="url(#head)"{start}/>'


def drawing(name: str, size: Point, title: str, parts: Iterable[str]) -> str:
    """Return an SVG that a page can have within it, with what it shows in words."""
    shapes = "".join(parts).replace("url(#head)", f"url(#head-{name})")
    return (
        f'<svg role="img" aria-labelledby="title-{name}" viewBox="0 0 {size.x:g} {size.y:g}" '
        f'style="max-width:{size.x:g}px" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="title-{name}">{escape(title)}</title>'
        f'<defs><marker id="head-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse">'
        '<path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f"{shapes}</svg>"
    )
