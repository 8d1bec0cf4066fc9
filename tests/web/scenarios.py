"""Applications, and what a user does with each: no step says whose the session is."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from markupsafe import Markup

from samesession.core.steps import Steps, wait
from tests.support.site import Site, View

BROWSER_ENDS = "the browser is closed"
DAY = 24 * 3600
TYPES = {
    "tuple": (1, ("a", 2)),
    "bytes": b"\x00\xff",
    "markup": Markup("<b>"),
    "uuid": UUID(int=7),
    "moment": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "nested": {" t": "no tag", "list": [1, 2.5, None, True, {"deep": ["x"]}]},
}

# A view, seconds that pass, BROWSER_ENDS, or another path than the views'.
Step = View | int | str


@dataclass(frozen=True)
class Scenario:
    """What a user does, one step after the other, at an application that `prepare` makes."""

    steps: tuple[Step, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Site], None] = lambda _: None
    fails: bool = False  # whether a step is to end with status 500


def _say(do: Callable[[Any], Any]) -> View:
    return lambda session, web: repr(do(session))


def _say_with_app(do: Callable[[Any], Any]) -> View:
    return lambda session, web: repr(do(web.current_app))


def _write(**values: Any) -> View:
    return _say(lambda session: session.update(values))


def _leave(session: Any, web: Any) -> str:
    return "left alone"


def _permanent(session: Any, web: Any) -> str:
    session.permanent = True
    session["name"] = "ann"
    return "permanent"


def _template(text: str) -> View:
    def view(session: Any, web: Any) -> Steps[Any]:
        return (yield from wait(web.render_template_string(text)))

    return view


def _flash(message: str, category: str = "message") -> View:
    def view(session: Any, web: Any) -> Steps[str]:
        yield from wait(web.flash(message, category))
        return "flashed"

    return view


def _flash_and_show(session: Any, web: Any) -> Steps[str]:
    yield from wait(web.flash("at once"))
    return repr(web.get_flashed_messages())


def _login(session: Any, web: Any) -> Any:
    session["user"] = "ann"
    return web.redirect("/")


def _add(session: Any, web: Any) -> str:
    session["cart"].append("tea")
    session.modified = True
    return "added"


def _replace(session: Any, web: Any) -> str:
    session.clear()
    session["fresh"] = True
    return "replaced"


def _set_twice(session: Any, web: Any) -> Steps[Any]:
    session["a"] = 1
    response = yield from wait(web.make_response("two cookies"))
    response.set_cookie("theme", "dark")
    response.headers["Vary"] = "Accept-Language"
    return response


def _say_public(session: Any, web: Any) -> tuple[str, dict[str, str]]:
    return repr(session.get("a")), {"Cache-Control": "public, max-age=60"}


def _send_file(session: Any, web: Any) -> Steps[Any]:
    session["sent"] = True
    return (yield from wait(web.send_file(io.BytesIO(b"data"), mimetype="text/plain")))


def _abort(session: Any, web: Any) -> None:
    session["denied"] = session.get("denied", 0) + 1
    web.abort(403)


def _fail(session: Any, web: Any) -> None:
    session["tried"] = True
    raise LookupError("of the view")


def _fail_to_keep(session: Any, web: Any) -> str:
    session["bad"] = object()
    return "unreached"


def _count_around(site: Site) -> None:
    @site.before_request
    def before(session: Any, web: Any) -> None:
        web.g.before = session["before"] = session.get("before", 0) + 1

    @site.after_request
    def after(session: Any, web: Any, response: Any) -> Any:
        session["after"] = session.get("after", 0) + 1
        response.headers["Vary"] = f"X-{web.g.before}"
        return response


def _turn_away(site: Site) -> None:
    @site.before_request
    def guard(session: Any, web: Any) -> Any:
        return None if "user" in session or web.request.path != "/private" else ("who?", 401)

    site.view("/private")(lambda session, web: f"hi {session['user']}")


def _handle_errors(site: Site) -> None:
    @site.errorhandler(404)
    def missing(session: Any, web: Any, error: Exception) -> tuple[str, int]:
        session["missed"] = session.get("missed", 0) + 1
        return f"missed {session['missed']}", 404

    @site.errorhandler(LookupError)
    def lookup(session: Any, web: Any, error: Exception) -> tuple[str, int]:
        return f"handled, {session['tried']}", 400


def _limit_lifetime(site: Site) -> None:
    """Set a lifetime as is written all over the web."""

    @site.before_request
    def before(session: Any, web: Any) -> None:
        session.permanent = True
        site.app.permanent_session_lifetime = timedelta(minutes=5)


def _limit_lifetime_by_role(site: Site) -> None:
    @site.before_request
    def before(session: Any, web: Any) -> None:
        session.permanent = True
        days = 0.01 if session.get("role") == "admin" else 31
        site.app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=days)


def _demand_https(site: Site) -> None:
    """Do as Flask-Talisman does."""

    @site.before_request
    def before(session: Any, web: Any) -> None:
        site.app.config["SESSION_COOKIE_SECURE"] = True
        site.app.config["SESSION_COOKIE_HTTPONLY"] = True


def _rotate_key(session: Any, web: Any) -> str:
    config = web.current_app.config
    config["SECRET_KEY_FALLBACKS"] = [config["SECRET_KEY"]]
    config["SECRET_KEY"] = "the next secret key, long enough"
    session["rotated"] = True
    return "rotated"


def _rename_cookie(session: Any, web: Any) -> str:
    web.current_app.config["SESSION_COOKIE_NAME"] = "renamed"
    session["renamed"] = True
    return "renamed"


def _process_templates(site: Site) -> None:
    def names() -> dict[str, Any]:
        return {"user": site.session.get("name", "nobody")}

    site.app.context_processor(names)


READ = _say(lambda session: sorted(session.items()))
DUMPS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "list": list,
    "copy": lambda session: dict(session.copy()),
    "copied": lambda session: dict(copy.copy(session)),
    "deeply copied": lambda session: dict(copy.deepcopy(session._get_current_object())),
    "json": lambda session: json.dumps(session._get_current_object()),
    "unpacked": lambda session: {**session},
    "united": lambda session: session | {"c": 3},
    "equal": lambda session: session == {"a": 1, "b": [2]},
    "mapping": lambda session: (isinstance(session, MutableMapping), len(session)),
    "views": lambda s: (list(s.keys()), list(s.values()), list(s.items()), "a" in s.keys()),  # noqa: SIM118
    "reversed": lambda session: list(reversed(session)),
    "missing": lambda session: (session.get("x"), session.get("x", 1), session.pop("x", 2)),
}

COOKIES: dict[str, dict[str, Any]] = {
    "name": {"SESSION_COOKIE_NAME": "own-name"},
    "domain": {"SESSION_COOKIE_DOMAIN": "example.com"},
    "path": {"SESSION_COOKIE_PATH": "/visit"},
    "root": {"APPLICATION_ROOT": "/root"},
    "not httponly": {"SESSION_COOKIE_HTTPONLY": False},
    "secure": {"SESSION_COOKIE_SECURE": True},
    "strict": {"SESSION_COOKIE_SAMESITE": "Strict"},
    "none": {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True},
    "partitioned": {"SESSION_COOKIE_PARTITIONED": True, "SESSION_COOKIE_SECURE": True},
}
SCENARIOS: dict[str, Scenario] = {
    "items": Scenario(
        (
            READ,
            _say(lambda s: (len(s), bool(s), "a" in s)),
            _write(a=1, b=[2]),
            READ,
            _say(lambda s: s.setdefault("a", 9)),
            _say(lambda s: s.setdefault("c", 3)),
            _say(lambda s: s.pop("c")),
            _say(lambda s: s.popitem()),
            _say(lambda s: s.__delitem__("a")),
            READ,
        )
    ),
    **{
        f"whole session: {name}": Scenario((_write(a=1, b=[2]), _say(do), READ))
        for name, do in DUMPS.items()
    },
    "types": Scenario(
        (
            _say(lambda s: s.update(TYPES)),
            READ,
            _say(lambda s: [type(s[name]).__name__ for name in TYPES]),
        )
    ),
    "flags": Scenario(
        (
            _say(lambda s: (s.permanent, s.modified)),
            _say(lambda s: (s.update(a=1), s.modified)),
            _say(lambda s: (s["a"], s.modified)),
            _say(lambda s: (s.pop("x", None), s.modified)),
            _say(lambda s: (s.__setattr__("modified", True), s.modified)),
        )
    ),
    "left alone": Scenario((_leave, _write(a=1), _leave, READ)),
    "login and logout": Scenario((_login, READ, _say(lambda s: s.pop("user", None)), READ, _leave)),
    "clear": Scenario((_write(a=1), _say(lambda s: s.clear()), READ)),
    "clear what is empty": Scenario((_say(lambda s: s.clear()), READ)),
    "clear and write": Scenario((_write(a=1), _replace, READ)),
    "modified": Scenario((_write(cart=[]), _add, _add, READ)),
    "modified, without data": Scenario((_say(lambda s: setattr(s, "modified", True)), READ)),
    "browser session": Scenario((_write(a=1), READ, BROWSER_ENDS, READ)),
    "permanent session": Scenario(
        (_permanent, _leave, READ, 30 * DAY, _leave, BROWSER_ENDS, 30 * DAY, READ, 32 * DAY, READ)
    ),
    "permanent, then not": Scenario(
        (_permanent, _say(lambda s: setattr(s, "permanent", False)), READ, BROWSER_ENDS, READ)
    ),
    "permanent, without data": Scenario(
        (
            _say(lambda s: setattr(s, "permanent", True)),
            _say(lambda s: s.get("name")),
            _say(lambda s: setattr(s, "permanent", True)),
            _permanent,
            READ,
            _say(lambda s: s.clear()),
        )
    ),
    "lifetime": Scenario(
        (_permanent, 90, READ, 90, READ, 101, READ), {"PERMANENT_SESSION_LIFETIME": 100}
    ),
    "lifetime as a timedelta": Scenario(
        (_permanent, 59, READ, 61, READ), {"PERMANENT_SESSION_LIFETIME": timedelta(minutes=1)}
    ),
    "no refreshing": Scenario(
        (_permanent, 60, READ, _leave, _write(a=1), 60, READ, 41, READ),
        {"PERMANENT_SESSION_LIFETIME": 100, "SESSION_REFRESH_EACH_REQUEST": False},
    ),
    "lifetime before each request": Scenario(
        (_write(a=1), 200, READ, 200, _leave, 299, READ, BROWSER_ENDS, READ, 301, READ),
        prepare=_limit_lifetime,
    ),
    "lifetime by role": Scenario(
        (
            *(_write(role="admin"), READ, 800, _leave, READ, 900, READ),
            *(_write(role="user"), READ, DAY, _leave, READ, BROWSER_ENDS, READ),
        ),
        prepare=_limit_lifetime_by_role,
    ),
    "lifetime changed in a view": Scenario(
        (
            _permanent,
            _say_with_app(lambda app: app.config.update(PERMANENT_SESSION_LIFETIME=60)),
            _say_with_app(lambda app: app.config.update(SESSION_REFRESH_EACH_REQUEST=False)),
            _write(a=1),
            59,
            READ,
            61,
            READ,
        )
    ),
    "https before each request": Scenario(
        (_write(a=1), READ, _permanent, _leave, _say(lambda s: s.clear())), prepare=_demand_https
    ),
    "key rotated in a view": Scenario((_write(a=1), _rotate_key, READ, _write(b=2), READ)),
    "cookie renamed in a view": Scenario((_write(a=1), _rename_cookie, READ, _write(b=2), READ)),
    "flashes": Scenario(
        (
            _flash("one"),
            _flash("two", "error"),
            _say(len),
            lambda _, web: repr(web.get_flashed_messages(with_categories=True)),
            lambda _, web: repr(web.get_flashed_messages()),
            _flash_and_show,
            READ,
        )
    ),
    "flashes of a category": Scenario(
        (
            _flash("one"),
            _flash("two", "error"),
            lambda _, web: repr(web.get_flashed_messages(category_filter=["error"])),
            READ,
        )
    ),
    "templates": Scenario(
        (
            _template("no session here"),
            _template("{{ session.name or 'who?' }}"),
            _write(list=[1], name="<ann>"),
            _template("{{ session['name'] }} {{ session|length }} {{ 'list' in session }}"),
            _template("{% for k, v in session.items() %}{{ k }}={{ v }};{% endfor %}"),
            _template("{{ session.nothing is defined }}"),
            _template("{% for m in get_flashed_messages() %}{{ m }}{% endfor %}"),
        )
    ),
    "template context": Scenario(
        (_template("{{ user }}"), _write(name="ann"), _template("{{ user }}")),
        prepare=_process_templates,
    ),
    "hooks": Scenario((_leave, _leave, READ), prepare=_count_around),
    "a guard": Scenario(("/private", _login, "/private"), prepare=_turn_away),
    "error pages": Scenario(("/nowhere", "/nowhere", READ), prepare=_handle_errors),
    "handled errors": Scenario((_fail, READ), prepare=_handle_errors),
    "errors": Scenario((_abort, _abort, "/nowhere", _fail, READ), fails=True),
    "what cannot be kept": Scenario((_write(a=1), _fail_to_keep, READ), fails=True),
    "further headers": Scenario((_set_twice, _say_public)),
    "a file": Scenario((_send_file, READ)),
    "json": Scenario((_write(a=[1]), lambda session, web: web.jsonify(dict(session)), READ)),
    **{
        f"cookie: {name}": Scenario(
            (_permanent, _write(a=1), READ, _say(lambda s: s.clear())), COOKIES[name]
        )
        for name in COOKIES
    },
}
