"""Whatever reads a session first sees all of it: readers in Python, in C, and in templates.

Readers in C look into a dict past its methods, where they are given the session itself and not
the proxy. Quart's templates are.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest

from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "cookie", "redis")]

Read = Callable[[Any], Any]  # Any: the session is a proxy in both frameworks

HELD: dict[str, Any] = {"user": "ada", "cart": [1, {"sku": "x"}], "count": 3}


def _merged(session: Any) -> Any:
    data: dict[str, Any] = {}
    data.update(session)
    return data


def _unpickled(session: Any) -> Any:
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(session)
    return pickle.loads(pickle.dumps(dict(session)))


READS: dict[str, Read] = {
    "dict": dict,
    "double star": lambda session: {**session},
    "update": _merged,
    "copy": lambda session: session.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "or": lambda session: session | {},
    "right or": lambda session: {} | session,
    "equal": lambda session: HELD if session == HELD else None,
    "right equal": lambda session: HELD if session == HELD else None,
    "len": lambda session: HELD if len(session) == len(HELD) else None,
    "bool": lambda session: HELD if session else None,
    "in": lambda session: HELD if "user" in session and "x" not in session else None,
    "iteration": lambda session: {name: session[name] for name in session},
    "items": lambda session: dict(session.items()),
    "keys and values": lambda session: dict(zip(session.keys(), session.values(), strict=True)),
    "pickle": _unpickled,
}
# What takes a dict and nothing like it: the proxy is none of these.
OF_THE_OBJECT: dict[str, Read] = {
    "json": lambda session: json.loads(json.dumps(session)),
    "json, indented": lambda session: json.loads(json.dumps(session, indent=1)),
    "orjson": lambda session: orjson.loads(orjson.dumps(session)),
    "msgspec, JSON": lambda session: msgspec.json.decode(msgspec.json.encode(session)),
    "msgspec, MessagePack": lambda session: msgspec.msgpack.decode(msgspec.msgpack.encode(session)),
    "dict's own methods": lambda session: dict(dict.items(session)),
}


@pytest.mark.parametrize("name", READS)
async def test_the_first_reader_of_the_proxy_sees_all(site: Site, name: str) -> None:
    user = site.visitor()
    await user.put(**HELD)
    assert await user.value(READS[name]) == HELD


@pytest.mark.parametrize("name", [*READS, *OF_THE_OBJECT])
async def test_the_first_reader_of_the_session_itself_sees_all(site: Site, name: str) -> None:
    read = READS.get(name) or OF_THE_OBJECT[name]
    user = site.visitor()
    await user.put(**HELD)
    assert await user.value(lambda session: read(session._get_current_object())) == HELD


async def test_an_answer_in_json_has_all_of_the_session(site: Site) -> None:
    user = site.visitor()
    await user.put(**HELD)
    for reach in (lambda session: session._get_current_object(), dict):
        answer = await user.respond(lambda session, web, reach=reach: web.jsonify(reach(session)))
        assert json.loads(answer.text) == HELD


@pytest.mark.parametrize(
    "template",
    [
        # Flask's templates have the proxy, of which no JSON is made.
        pytest.param("{{ session|tojson }}", marks=pytest.mark.needs("quart")),
        "{{ dict(session)|tojson }}",
        "{{ dict(session.items())|tojson }}",
        (
            "{% set found = {} %}{% for name in session %}"
            "{% set _ = found.update({name: session[name]}) %}{% endfor %}{{ found|tojson }}"
        ),
        "{% if session %}{{ session.copy()|tojson }}{% endif %}",
    ],
)
async def test_a_template_that_reads_first_sees_all(site: Site, template: str) -> None:
    user = site.visitor()
    await user.put(**HELD)
    answer = await user.respond(lambda session, web: web.render_template_string(template))
    assert json.loads(answer.text) == HELD
