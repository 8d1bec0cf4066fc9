"""What an editor offers on `session.`: what views may use, and nothing else."""

from __future__ import annotations

import jedi  # type: ignore[import-untyped]  # has no types
import pytest

from samesession import ServerSession

FLASKS = {"accessed", "modified", "new", "permanent"}
OURS = {
    *("bind", "confirm", "end", "info", "lifetime", "regenerate"),
    *("require_fresh", "sid", "unbind"),
    *("offer_device_binding", "update_atomically"),
}
OFFERED = {name for name in dir(dict) if not name.startswith("_")} | FLASKS | OURS


def test_a_session_has_no_other_names() -> None:
    assert {name for name in dir(ServerSession) if not name.startswith("_")} == OFFERED


@pytest.mark.parametrize("module", ["flask", "quart"])
def test_an_editor_completes_the_session_of_either_framework(module: str) -> None:
    script = jedi.Script(f"from samesession.{module} import session\n\nsession.")
    found = {each.name for each in script.complete(3, 8) if not each.name.startswith("_")}
    assert found == OFFERED
