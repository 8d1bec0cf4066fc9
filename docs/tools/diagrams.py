"""The pictures of the site, drawn when it is built: each is a function of no arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from docs.tools.device_exchange import device_exchange
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
            box(Point(10, 148), Point(190, 62), "Flask", "synchronous views", kind="ours"),
            box(Point(240, 148), Point(190, 62), "Quart", "asynchronous views", kind="ours"),
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


def life() -> str:
    """Draw what a session is from its first write until its end."""
    title = (
        "A visitor has no record. The first write makes a record and a cookie. A login binds the "
        "session to a user and replaces its secret. A logout, a revocation or a timeout ends it: "
        "the record is deleted, and the cookie opens nothing. An anonymous session ends "
        "in the same way."
    )
    wide, tall = Point(230, 62), 118
    steps = ("first write: session[...] = ...", "login: bind(user), a new secret")
    end = ("logout, revocation,", "or a timeout")
    boxes = (
        ("A visitor", "nothing is stored, no cookie"),
        ("An anonymous session", "a record and a cookie"),
        ("A session of a user", "on the user's list"),
        ("Ended", "no record; the cookie opens nothing"),
    )
    last = len(boxes) - 1
    return drawing(
        "life",
        Point(440, last * tall + 72),
        title,
        (
            *(
                box(Point(105, number * tall + 4), wide, *lines, kind="ours" * (0 < number < last))
                for number, lines in enumerate(boxes)
            ),
            *(
                arrow(Point(220, number * tall + 66), Point(220, (number + 1) * tall + 2))
                for number in range(last)
            ),
            *(
                words(Point(230, number * tall + 94), step, kind="small", anchor="start")
                for number, step in enumerate(steps)
            ),
            words(Point(230, 2 * tall + 94), *end, kind="small", anchor="start"),
            arrow(
                *(Point(105, tall + 35), Point(66, tall + 35)),
                *(Point(66, last * tall + 35), Point(103, last * tall + 35)),
            ),
            words(Point(58, 2 * tall + 35), "logout,", "timeout", kind="small", anchor="end"),
            arrow(
                *(Point(335, 2 * tall + 22), Point(372, 2 * tall + 22)),
                *(Point(372, 2 * tall + 48), Point(337, 2 * tall + 48)),
            ),
            words(Point(380, 2 * tall + 35), "each", "request", kind="small", anchor="start"),
        ),
    )


def record() -> str:
    """Draw the parts of a cookie's token, and the bytes of the record that it leads to."""
    title = (
        "The cookie has a sid of 16 bytes, a secret of 32 and a signature of 32. The record has, "
        "from byte 0 on: the revision, flags and format, an idle timeout, the sid, a hash of the "
        "secret, the details, the payload and a MAC. The sid is the same in both, and the hash "
        "in the record is computed from the secret."
    )
    rows = (
        ("0", "8", "revision, which stores compare"),
        ("8", "2", "flags and format"),
        ("10", "4", "its own idle timeout, if any"),
        ("14", "16", "sid"),
        ("30", "24", "hash of the secret"),
        ("54", "2", "length of the details"),
        ("56", "", "details: times, owner, label"),
        ("", "", "payload: the data, name by name"),
        ("-16", "16", "MAC over the key and all above"),
    )
    top, high = 150, 30
    return drawing(
        "record",
        Point(440, top + len(rows) * high + 6),
        title,
        (
            words(Point(10, 14), "the cookie: a token", kind="title", anchor="start"),
            box(Point(10, 30), Point(110, 50), "sid", "16 bytes", kind="ours"),
            box(Point(122, 30), Point(160, 50), "secret", "32 bytes", kind="ours"),
            box(Point(284, 30), Point(146, 50), "signature", "32 bytes"),
            words(Point(50, top - 16), "the store: a record", kind="title", anchor="start"),
            *_rows(rows, Point(50, top), high),
            arrow(Point(26, 80), Point(26, top + 3.5 * high), Point(48, top + 3.5 * high)),
            arrow(
                *(Point(262, 80), Point(262, 108), Point(426, 108)),
                *(Point(426, top + 4.5 * high), Point(402, top + 4.5 * high)),
                kind="dashed",
            ),
            words(Point(272, 96), "SHA-256", kind="small", anchor="start"),
            words(Point(389, top - 16), "bytes", kind="small", anchor="end"),
        ),
    )


def _rows(rows: Sequence[tuple[str, str, str]], at: Point, high: float) -> Iterator[str]:
    """Draw rows of bytes: where each begins, what is there, and how many bytes it has."""
    for number, (begin, size, what) in enumerate(rows):
        top = at.y + number * high
        middle = top + high / 2 - 1
        kind = "ours" if what in ("sid", "hash of the secret") else ""
        yield box(Point(at.x, top), Point(350, high - 2), kind=kind)
        yield words(Point(at.x + 36, middle), begin, kind="mono", anchor="end")
        yield words(Point(at.x + 52, middle), what, anchor="start")
        yield words(Point(at.x + 339, middle), size, kind="mono", anchor="end")


def writes() -> str:
    """Draw two requests that change one session, and how both changes are kept."""
    title = (
        "Requests A and B both load revision 7. A commits its change of the cart, and the record "
        "has revision 8. B commits its change of the theme for revision 7, and the store answers "
        "with revision 8 instead. B makes its change again on that and commits revision 9, which "
        "has both changes."
    )
    a, store, b, end = 60, 220, 380, 350
    near, far = store - 20, store + 20  # the two sides of the store's boxes
    sent = (
        (92, near, a, "7"),
        (92, far, b, "7"),
        (150, a, near, "cart, if still 7"),
        (208, b, store + 2, "theme, if still 7"),
        (250, store + 2, b, "conflict: here is 8"),
        (308, b, far, "theme, if still 8"),
    )
    return drawing(
        "writes",
        Point(440, end + 30),
        title,
        (
            *(arrow(Point(x, 50), Point(x, end), kind="dashed") for x in (a, store, b)),
            *(
                box(Point(x - 56, 4), Point(112, 46), name)
                for x, name in ((a, "Request A"), (store, "Store"), (b, "Request B"))
            ),
            *(arrow(Point(begin, y), Point(to, y)) for y, begin, to, _ in sent),
            *(
                words(Point((begin + to) / 2, y - 12), text, kind="small")
                for y, begin, to, text in sent
            ),
            *(
                box(Point(near, y - 17), Point(40, 34), revision, kind="ours")
                for y, revision in ((92, "7"), (150, "8"), (308, "9"))
            ),
            words(Point(store, end + 14), "revision 9 has the cart and the theme", kind="small"),
        ),
    )


PICTURES: dict[str, Callable[[], str]] = {
    "overview": overview,
    "life": life,
    "record": record,
    "writes": writes,
    "device-exchange": device_exchange,
}
