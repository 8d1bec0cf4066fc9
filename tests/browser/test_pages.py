"""A flaw of a page is found, whatever its kind, and a page without one passes."""

from __future__ import annotations

import pytest

from .pages import Look, Tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("look", [Look(360, 640, "light")], ids=str),
]

PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<link rel="icon" href="data:,">{head}</head>
<body><header><b>Ours</b> <i>Yours</i></header><main><h1>A page</h1>{main}</main></body></html>"""
ORIGIN = "http://site.test"
LONG = "x" * 300


def show(tab: Tab, *, head: str = "", main: str = "", status: int = 200) -> None:
    """Show a page that no server has; nothing else that it asks for is there."""
    answers = {"/": (status, PAGE.format(head=head, main=main)), "/500.css": (500, "")}

    def answer(route: object) -> None:
        path = route.request.url.removeprefix(ORIGIN)  # type: ignore[attr-defined]
        if path == "/none.png":
            route.abort()  # type: ignore[attr-defined]
            return
        found, body = answers.get(path, (404, ""))
        route.fulfill(status=found, body=body, content_type="text/html")  # type: ignore[attr-defined]

    tab.page.route("**/*", answer)
    tab.page.goto(ORIGIN)


def test_a_page_without_a_flaw_passes(tab: Tab) -> None:
    show(tab, main="<p>Nothing is wrong here.</p>")
    tab.see("healthy")


def test_a_page_of_an_error_passes_where_it_is_expected(tab: Tab) -> None:
    show(tab, status=404)
    assert tab.problems(status=404) == []


@pytest.mark.parametrize(
    ("head", "main", "said"),
    [
        ("<script>console.error('no')</script>", "", "console: no"),
        ("<script>throw new Error('no')</script>", "", "uncaught: no"),
        ("<link rel=stylesheet href=/404.css>", "", "404: http://site.test/404.css"),
        ("<link rel=stylesheet href=/500.css>", "", "500: http://site.test/500.css"),
        ("", "<img alt='' src=/none.png>", "no answer: http://site.test/none.png"),
        ("", f"<p>{LONG}</p>", "pixels wider than the window"),
        ("", "<p style='color: #ccc; background: #fff'>Pale</p>", "color-contrast"),
        ("", "<label>Name</label><input>", "label"),
        ("", "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<style>header * { display: block }</style>", "", "the header is broken into lines"),
    ],
)
def test_a_flaw_is_found(tab: Tab, head: str, main: str, said: str) -> None:
    show(tab, head=head, main=main)
    assert [problem for problem in tab.problems() if said in problem]


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_that_nobody_expects_is_found(tab: Tab, status: int) -> None:
    show(tab, status=status)
    assert f"{status}, not 200: {ORIGIN}/" in tab.problems()
    show(tab)
    assert f"200, not {status}: {ORIGIN}/" in tab.problems(status=status)
