"""The demo as a process: it says what is wrong, ends quietly, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from tests.support.demo import STORES, run, started
from tests.support.devices import PASSWORD

pytestmark = pytest.mark.needs("flask", "quart")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kept_in", STORES)
def test_a_signal_ends_it_quietly_and_it_leaves_nothing(
    kept_in: str, number: signal.Signals
) -> None:
    running = started(*STORES[kept_in])
    answer = httpx.post(
        f"{running.url}/flask/signup",
        data={"username": "Ada", "password": PASSWORD},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 303
    directory = running.directory
    assert directory.stat().st_mode & 0o777 == 0o700
    children = child_pids(running.process.pid)
    assert len(children) == (kept_in == "valkey")
    assert running.stop(number) == (0, "")
    assert not directory.exists()
    assert not any(is_alive(pid) for pid in children)


def test_over_https_it_says_how_a_chromium_opens_it() -> None:
    running = started("--https")
    program, *words, url = running.command
    assert "chrom" in program
    assert running.url.startswith("https://127.0.0.1:")
    assert url == f"{running.url}/"
    options = dict(word.partition("=")[::2] for word in words)
    assert options["--user-data-dir"] == str(running.directory / "chromium")
    assert "DeviceBoundSessions" in options["--enable-features"]
    port = int(running.url.rpartition(":")[2])
    # The pin is of the very key that it serves with.
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
    key = load_der_x509_certificate(der).public_key()
    known = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (
        options["--ignore-certificate-errors-spki-list"]
        == b64encode(sha256(known).digest()).decode()
    )
    assert (running.directory / "key.pem").stat().st_mode & 0o777 == 0o600
    directory = running.directory
    assert running.stop() == (0, "")
    assert not directory.exists()


def test_a_port_that_is_taken_is_said_plainly() -> None:
    running = started()
    port = running.url.rpartition(":")[2]
    second = started("--port", port)
    status, said = second.stop()
    assert running.stop() == (0, "")
    assert status == 1
    assert said.startswith("The demo cannot start: ")
    assert "Traceback" not in said


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_cannot_be_is_said_plainly(port: str) -> None:
    status, said = started("--port", port).stop()
    assert status == 2
    assert f"argument --port: '{port}' is not a number from 0 to 65535" in said
    assert "Traceback" not in said


def test_the_first_free_port_is_taken() -> None:
    from examples.devices.__main__ import listen

    with listen([0]) as first:
        taken = first.getsockname()[1]
        with listen([taken, 0]) as second:
            assert second.getsockname()[1] != taken
        with pytest.raises(OSError, match=f"port {taken} of 127.0.0.1 is taken: name another one"):
            listen([taken])


def test_the_demo_prefers_port_8000() -> None:
    from examples.devices.__main__ import PORTS

    assert PORTS[0] == 8000
    demos = [run(), run()]
    ports = {int(each.url.rpartition(":")[2]) for each in demos}
    for each in demos:
        assert httpx.get(each.url, trust_env=False, timeout=30).status_code == 200
        assert each.stop() == (0, "")
    assert len(ports) == 2
    assert ports <= set(PORTS)


def child_pids(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
