"""The pictures of the site, drawn when it is built: each is a function of no arguments."""

from __future__ import annotations

from collections.abc import Callable

from docs.tools.drawing import Point, arrow, box, drawing, words


def figure(name: str) -> str:
    """Return a picture as a page has it."""
    return f'<figure class="diagram">{PICTURES[name]()}</figure>'


def overview() -> str:
    """Draw one session that a Flask and a Quart application share."""
    title = (
        "A browser sends one cookie, sid.secret with a signature, to a Flask application and to a "
        "Quart application. Both read and write the same record in the store, which holds the "
        "data and a hash of the secret."
    )
    return drawing(
        "overview",
        Point(440, 372),
        title,
        (
            box(Point(120, 4), Point(200, 62), "Browser", "one cookie: sid.secret, signed"),
            arrow(Point(170, 66), Point(105, 146), both=True),
            arrow(Point(270, 66), Point(335, 146), both=True),
            box(Point(10, 148), Point(190, 62), "Flask", "session, as ever", kind="ours"),
            box(Point(240, 148), Point(190, 62), "Quart", "every wait is awaited", kind="ours"),
            arrow(Point(105, 210), Point(170, 290), both=True),
            arrow(Point(335, 210), Point(270, 290), both=True),
            words(Point(220, 250), "a login on one", "is a login on both", kind="small"),
            box(
                Point(90, 292),
                Point(260, 76),
                "Store",
                "one record: the data, its owner,",
                "a hash of the secret",
            ),
        ),
    )


PICTURES: dict[str, Callable[[], str]] = {"overview": overview}
