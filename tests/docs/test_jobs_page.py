"""The page about jobs: its jobs run in RQ's own worker, in another process than the requests."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue

from samesession.pytest_plugin import assert_logged_out, logged_in
from tests.support.site import SECRET_KEY

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "jobs.md").read_text()
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NAMES = ("shop", "jobs", "quart_jobs")

pytestmark = pytest.mark.needs("flask", "quart")


class Work:
    """The files of the page, and the queue."""

    def __init__(self, place: Path, url: str) -> None:
        self._place = place
        self._url = url
        self.shop = importlib.import_module("shop")

    def jobs(self) -> list[Any]:
        """Do all jobs that wait, in another process; give what the last ones returned."""
        queue = Queue(connection=Redis.from_url(self._url))
        try:
            jobs = queue.jobs
            program = str(Path(sys.executable).parent / "rq")
            command = [program, "worker", "--burst", "--url", self._url]
            done = subprocess.run(
                command, cwd=self._place, capture_output=True, text=True, timeout=100, check=False
            )
            assert done.returncode == 0, done.stderr
            found = [job.latest_result() for job in jobs]
            assert [each.exc_string for each in found if each is not None] == [None] * len(jobs)
            return [each.return_value for each in found if each is not None]
        finally:
            queue.connection.close()


@pytest.fixture
def work(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    for name, text in BLOCKS:
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("REDIS_URL", redis_url)
    source = Path(__file__).parents[2] / "src"
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(source), known)))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Work(tmp_path, redis_url)
    yield found
    found.shop.queue.connection.close()
    for name in NAMES:
        sys.modules.pop(name, None)


def test_each_block_is_a_file() -> None:
    assert [name for name, _ in BLOCKS] == [f"{name}.py" for name in NAMES]


def test_a_job_reads_and_changes_a_session_by_its_sid(work: Work) -> None:
    client = work.shop.app.test_client()
    logged_in(client, "ann", cart=["tea"])
    assert client.post("/report").text == "being made"
    assert client.get("/report").text == "being made"
    assert work.jobs() == ["made"]
    assert client.get("/report").text == "ready for ann"
    with client.session_transaction() as session:
        assert session["cart"] == ["tea"]


def test_a_job_of_a_visitor_who_is_new_finds_the_session(work: Work) -> None:
    client = work.shop.app.test_client()
    assert client.post("/report").text == "being made"
    assert work.jobs() == ["made"]
    assert client.get("/report").text == "ready for None"


def test_a_job_ends_a_session(work: Work) -> None:
    client = work.shop.app.test_client()
    logged_in(client, "ann")
    assert client.post("/report").text == "being made"
    assert client.post("/close-account").text == "you will be logged out"
    assert work.jobs() == ["made", None]
    assert client.get("/report").text == "nothing was ordered"
    assert_logged_out(client)


def test_a_job_for_a_session_that_is_over_does_nothing(work: Work) -> None:
    client = work.shop.app.test_client()
    assert client.post("/report").text == "being made"
    with client.session_transaction() as session:
        session.end()
    assert work.jobs() == ["the session is over"]
    assert client.get("/report").text == "nothing was ordered"


def test_a_job_of_a_quart_application_awaits_it(work: Work) -> None:
    client = work.shop.app.test_client()
    info = logged_in(client, "ann")
    for _ in range(2):
        work.shop.queue.enqueue("quart_jobs.count", info.sid)
    assert work.jobs() == [1, 2]
    with client.session_transaction() as session:
        assert session["counted"] == 2
