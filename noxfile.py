"""How the project is tested: `nox`, or `nox -s <session>`; `nox -l` lists them.

What follows `--` goes to pytest, to the demo (`nox -s demo -- --redis`) or to mypy.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "flask_only", "quart_only"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# Quart's releases by the oldest Python that each can be installed on.
QUARTS = {"0.20": "3.11", "0.21": "3.11", "0.22": "3.11", "0.23": "3.13"}
# What says which frameworks are installed: see tests/conftest.py.
FRAMEWORKS = "SAMESESSION_FRAMEWORKS"
# Tests of one framework alone: what does not depend on it runs in `tests`.
ALONE = ("tests/web", "tests/examples", "tests/docs")
# Names the stores of a run: see tests/conftest.py.
STORES = "SAMESESSION_STORES"
# Says how many cases of a scenario run over how many stores: see tests/support/spread.py.
CASES = "SAMESESSION_CASES"
# Tests of what every store does, run over the servers below.
OF_EVERY_STORE = (
    *("tests/stores", "tests/web", "tests/login_libraries"),
    *("tests/races", "tests/faults", "tests/topology"),
)


class Server(NamedTuple):
    """A store that `nox -s servers` tests, and what must be on the machine for it."""

    program: str | None = None  # None: it comes from a package index
    packages: str = ""  # of Debian's, which have the program
    by_name: bool = False  # it is tested where SAMESESSION_STORES names it, and where it is there


SERVERS: dict[str, Server] = {
    "postgresql": Server(),
    # Not Debian's mariadb-server, which would start one of its own.
    "mariadb": Server("mariadbd", "mariadb-server-core mariadb-client-core"),
    # Debian's stable release has none, its unstable one and Ubuntu do.
    "mysql": Server("mysqld", "mysql-server-core", by_name=True),
    "cluster": Server(),
    "sentinel": Server(),
    "redis7": Server("redis-server", "redis-server"),
    "redis62": Server(),
    "memcached": Server("memcached", "memcached"),
    "mongodb": Server(),
    "dynamodb": Server(),
}

# Serves MongoDB's wire protocol where there is no mongod; needs a Python of its own.
MONGOECO = "mongoeco[wire]==4.11.0"

# Names that a Chromium has; the first is Debian's, and its package's.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What the suite imports, the stores' client libraries included.
EVERYTHING = (
    "flask,quart,redis,sqlalchemy,mongodb,dynamodb,encryption,device,labels,otel,"
    "flask-login,quart-auth"
)

# The oldest releases that pyproject.toml allows.
LOWEST = (
    "aiobotocore==2.15.0",
    "asyncmy==0.2.11",
    "botocore==1.35.16",
    "cryptography==50.0.0",
    "blinker==1.9.0",
    "flask==3.1.3",
    "flask-login==0.6.3",
    "hiredis==3.0.0",
    "itsdangerous==2.2.0",
    "markupsafe==3.0.0",
    "sqlalchemy==2.0.44",
    "aiosqlite==0.21.0",
    "pymongo==4.16.0",
    "pymysql==1.1.1",
    "opentelemetry-api==1.30.0",
    "ormsgpack==1.13.1",
    "quart==0.20.0",
    "quart-auth==0.11.0",
    "redis==5.3.0",
    "ua-parser==1.0.0",
    "werkzeug==3.1.6",
)


def interpreter(version: str) -> str | None:
    """Find a Python that runs: a pyenv shim may exist for a version that is not active."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    name = f"python{version}"
    candidates = [
        shutil.which(name),
        *(str(path) for path in sorted(home.glob(f"versions/{version}.*/bin/{name}"))),
    ]
    for path in candidates:
        if path is not None and _runs(path):
            return path
    return None


def _runs(path: str) -> bool:
    try:
        done = subprocess.run([path, "-c", ""], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


PYTHONS = {version: interpreter(version) for version in VERSIONS}


def _install(session: nox.Session, extras: str, *groups: str, pins: tuple[str, ...] = ()) -> None:
    wanted = nox.project.dependency_groups(PROJECT, *groups)
    # What is imported is compiled then: to compile all of it takes as long as to install it.
    session.install(*wanted, f".[{extras}]", *pins, env={"PIP_COMPILE": "0"})


def _pytest(session: nox.Session, *arguments: str, by: tuple[str, ...] = ("pytest",)) -> None:
    """Run what posargs choose, or else the paths and options that are given."""
    # 1: tests failed. Under a tracer some may, of time above all; `tests` says whether they do.
    codes = (0, 1) if by[0] == "coverage" else (0,)
    chosen = () if _has_paths(session) else arguments
    session.run(*by, *chosen, *session.posargs, success_codes=codes)


def _has_paths(session: nox.Session) -> bool:
    return any((ROOT / argument.partition("::")[0]).exists() for argument in session.posargs)


def _suite(
    session: nox.Session, *paths: str, cases: str = "spread", by: tuple[str, ...] = ("pytest",)
) -> None:
    """Run tests in several processes; `-- -n 0` does so in one."""
    if not _has_paths(session) and "-k" not in session.posargs:  # that is run in full
        session.env[CASES] = os.environ.get(CASES, cases)
    # Compiled once for all processes and sessions, and beside no source.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    session.env["PYTHONPYCACHEPREFIX"] = str(Path(session.virtualenv.location).parent / "pycache")
    _pytest(session, *paths, "-n", str(_processes()), "--dist", "worksteal", by=by)


def _processes() -> int:
    """Return three for two cores, as a test waits for a third of its time: for servers and disks.

    Eight at most: each has servers of its own, and 0.5 GB.
    """
    ours = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(ours(0)) if ours else os.cpu_count() or 1
    return min(cores + (cores + 1) // 2, 8)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, on both frameworks and every store, with this Python.

    Of a scenario each case runs on each framework over one store, and over each store one case:
    `nox -s every_case` runs every case over every store, and with SAMESESSION_CASES=rest this
    session those that it leaves out without.
    """
    missing = [version for version, path in PYTHONS.items() if path is None]
    if missing:
        session.warn(f"not on this machine, so not tested: Python {', '.join(missing)}")
    _install(session, EVERYTHING, "test", "peers")
    _suite(session)


@nox.session
def every_case(session: nox.Session) -> None:
    """Run all tests, each case of a scenario on both frameworks over every store."""
    _install(session, EVERYTHING, "test", "peers")
    _suite(session, cases="")


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of the source the tests take; fail if these are fewer than before.

    The tests are those of `tests`, and of `servers` those of the stores.
    """
    by = ("coverage", "run", "-m", "pytest")
    chosen = [name for name, server in SERVERS.items() if not server.by_name]
    _programs(session, [SERVERS[name] for name in chosen])
    _install(session, EVERYTHING, "test", "peers", "databases", "coverage")
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    _suite(session, by=by)
    partial = _has_paths(session) or "-k" in session.posargs
    if not partial:
        _serve(session, chosen)
        _suite(session, "tests/stores", "tests/topology", by=by)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", *(("--fail-under=0",) if partial else ()))


def _tests_on(version: str, path: str | None) -> None:
    def on_version(session: nox.Session) -> None:
        if path is None:
            session.skip(f"Python {version} is not on this machine")
        _install(session, EVERYTHING, "test", "peers")
        _suite(session)

    on_version.__doc__ = f"Run all tests with Python {version}."
    # Without an interpreter the session does nothing but say so.
    python, backend = (path, None) if path else (False, "none")
    register: Callable[..., object] = nox.session(
        name=f"tests-{version}", python=python, venv_backend=backend, tags=["pythons"]
    )
    register(on_version)


for _version, _path in PYTHONS.items():
    _tests_on(_version, _path)


def _quart_on(quart: str, version: str) -> None:
    path = PYTHONS[version]

    def on_quart(session: nox.Session) -> None:
        if path is None:
            session.skip(f"Python {version} is not on this machine")
        _install(session, "flask,quart,redis", "test", pins=(f"quart=={quart}.*",))
        session.env[STORES] = "memory"
        _pytest(session, "tests/web", "-k", "quart")

    on_quart.__doc__ = f"Run the scenarios with Quart {quart} on Python {version}, in memory."
    python, backend = (path, None) if path else (False, "none")
    register: Callable[..., object] = nox.session(
        name=f"quart-{quart}-{version}", python=python, venv_backend=backend, tags=["quarts"]
    )
    register(on_quart)


for _quart, _oldest in QUARTS.items():
    for _version in VERSIONS[VERSIONS.index(_oldest) :]:
        _quart_on(_quart, _version)


@nox.session
def flask_only(session: nox.Session) -> None:
    """Run the tests with Flask, where Quart is not installed."""
    _install(session, "flask,redis,sqlalchemy,flask-login", "test")
    _absent(session, "quart")
    session.env[FRAMEWORKS] = "flask"
    _suite(session, *ALONE, cases="one")


@nox.session
def quart_only(session: nox.Session) -> None:
    """Run the tests with Quart; Flask is there only as far as Quart needs it."""
    _install(session, "quart,redis,sqlalchemy,quart-auth", "test")
    session.env[FRAMEWORKS] = "quart"
    _suite(session, *ALONE, cases="one")


def _absent(session: nox.Session, module: str) -> None:
    session.run(
        "python",
        "-c",
        "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is not None)",
        module,
    )


@nox.session(python=PYTHONS["3.11"] or False)
def lowest(session: nox.Session) -> None:
    """Run all tests with the oldest releases that are supported."""
    _install(session, EVERYTHING, "test", "peers", pins=LOWEST)
    _suite(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, which way imports point, and the English."""
    _install(session, EVERYTHING, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("python", "-m", "tests.prose")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of everything with mypy, of source and tests/typing with pyright."""
    _install(session, EVERYTHING, "typing")
    session.install("nox")
    session.run("mypy", *session.posargs)
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documentation, with warnings as errors, and check its links.

    What follows `--` goes to Sphinx. The first page of the result is named at the end: no server
    is needed to read it, or to search in it.
    """
    _install(session, f"{EVERYTHING},testing", "docs")
    site = Path(session.virtualenv.location) / "site"
    shutil.rmtree(site, ignore_errors=True)  # pages that are not there any more
    session.run(
        *("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "2"),
        *("--builder", "html", *session.posargs, "docs", str(site)),
    )
    session.run("python", "-m", "docs.tools.check", str(site))
    session.log(f"the site begins at {site / 'index.html'}")


@nox.session
def build(session: nox.Session) -> None:
    """Build a release into dist twice, compare the bytes, check it, and run the README on it.

    With it comes what it was installed with, as a CycloneDX bill of materials.
    """
    session.install(
        *PROJECT["build-system"]["requires"], *nox.project.dependency_groups(PROJECT, "release")
    )
    dist = ROOT / "dist"
    session.run("python", "-m", "tests.release.building", str(dist))
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    session.run("twine", "check", "--strict", str(sdist), str(wheel))
    session.run("check-wheel-contents", str(wheel))
    _try_wheel(session, wheel)
    bill = dist / f"{sdist.name.removesuffix('.tar.gz')}.cdx.json"
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    complete = _with_wheel(session, "complete", f"{wheel}[{extras}]")
    session.run(
        *("cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "library"),
        *("--output-reproducible", "--of", "JSON", "--output-file", str(bill), str(complete)),
    )
    session.run("python", "-m", "tests.release.bill", str(bill), str(wheel))


def _with_wheel(session: nox.Session, name: str, *wanted: str) -> Path:
    """Make a new environment with a wheel in it, and return its Python."""
    place = Path(session.virtualenv.location) / name
    shutil.rmtree(place, ignore_errors=True)
    # Without pip, which is nothing that the wheel needs: the session's own installs.
    session.run("python", "-m", "venv", "--without-pip", str(place))
    python = place / "bin" / "python"
    _pip(session, python, "install", "-q", *wanted)
    return python


def _pip(session: nox.Session, python: Path, *arguments: str) -> None:
    session.run("python", "-m", "pip", "--python", str(python), *arguments)


def _try_wheel(session: nox.Session, wheel: Path) -> None:
    """Run the README's first blocks where the wheel is installed with the frameworks alone."""
    bare = _with_wheel(session, "bare", f"{wheel}[flask,quart]")
    _pip(session, bare, "check")
    script, readme = ROOT / "tests" / "release" / "readme_blocks.py", ROOT / "README.md"
    place = Path(session.create_tmp()) / "readme"
    shutil.rmtree(place, ignore_errors=True)  # the sessions of the last time
    place.mkdir()
    with session.chdir(place):
        session.run(str(bare), "-I", str(script), str(readme), external=True)


@nox.session
def audit(session: nox.Session) -> None:
    """Look what is installed up in a database of vulnerabilities, the newest and the oldest.

    Fails where there is one, and where the database cannot be asked: then nothing was audited.
    """
    session.install(*nox.project.dependency_groups(PROJECT, "audit"))
    work = Path(session.create_tmp())
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    files: list[str] = []
    for name, pins in {"newest": (), "oldest": LOWEST}.items():
        python = _with_wheel(session, name, f".[{extras}]", *pins)
        listed = session.run(
            *("python", "-m", "pip", "--python", str(python), "list", "--format=freeze"),
            *("--exclude", "samesession"),
            silent=True,
            stderr=subprocess.DEVNULL,
        )
        (work / f"{name}.txt").write_text(str(listed))
        files.append(str(work / f"{name}.txt"))
    session.run("python", "-m", "tests.release.audit", *files)


@nox.session
def demo(session: nox.Session) -> None:
    """Serve the devices demo until Ctrl-C; `-- --redis` does so on a real Valkey.

    With `-- --https` a Chromium binds its session to the machine: the demo says how to open it.
    """
    extras, groups = ["flask", "quart", "labels"], ["serve"]
    if "--redis" in session.posargs:
        extras.append("redis")
        groups.append("servers")
    if "--https" in session.posargs:
        extras.append("device")
    _install(session, ",".join(extras), *groups)

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    # nox knows Ctrl-C only; without this a SIGTERM would leave the server behind.
    signal.signal(signal.SIGTERM, stop)
    session.run(
        "python",
        "-m",
        "examples.devices",
        *session.posargs,
        interrupt_timeout=1,
        terminate_timeout=15,
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Compare with the peers, in about twenty minutes, `-- --quick` in three."""
    _install(session, EVERYTHING, "bench")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz each reader of foreign bytes for 20 s; `-- 10000000` sets the runs of each instead."""
    _install(session, EVERYTHING, "test", "fuzz")
    limit = f"-runs={session.posargs[0]}" if session.posargs else "-max_total_time=20"
    old = ("old-cookie", "flask-session", "quart-session")
    for reader in ("cookie", "record", "payload", "file", "proof", "fields", "bound-cookie", *old):
        session.run("python", "-m", "tests.fuzz", reader, limit)


@nox.session
def faults(session: nox.Session) -> None:
    """Run the fault tests at length; on Debian, as root, strace is installed for them."""
    _install(session, EVERYTHING, "test")
    if shutil.which("strace") is None and shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", "-qq", external=True)
        session.run("apt-get", "install", "-y", "-qq", "strace", external=True)
    session.env["SAMESESSION_FAULTS"] = "long"
    _pytest(session, "tests/faults", "tests/races", "--timeout=900")


@nox.session
def servers(session: nox.Session) -> None:
    """Run the tests of every store over real servers; SAMESESSION_STORES names a part of them.

    On Debian, as root, what is missing is installed; the tests start it themselves.
    """
    chosen = [name for name in os.environ.get(STORES, "").split(",") if name] or _all(session)
    _programs(session, [SERVERS[name] for name in chosen if name != "mysql"])
    if "mysql" in chosen and not _has_mysql():
        session.error("not found: MySQL's own mysqld, which is not MariaDB's of that name")
    _install(session, EVERYTHING, "test", "databases")  # the tests of a store import its client
    _serve(session, chosen)
    _pytest(session, *(path for path in OF_EVERY_STORE if (ROOT / path).is_dir()))


def _serve(session: nox.Session, chosen: list[str]) -> None:
    """Have the tests run over these stores."""
    if "mongodb" in chosen:
        _mongodb(session)
    session.env[STORES] = ",".join(chosen)


def _all(session: nox.Session) -> list[str]:
    """Name the servers that are tested without having been asked for."""
    if _has_mysql():
        return [*SERVERS]
    session.warn("not on this machine, so not tested: MySQL")
    return [name for name, server in SERVERS.items() if not server.by_name]


def _has_mysql() -> bool:
    """Return whether there is a mysqld that is MySQL's: MariaDB has one of the same name."""
    program = shutil.which("mysqld", path=_with_sbin())
    if program is None:
        return False
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return "MariaDB" not in done.stdout and done.returncode == 0


@nox.session
def deployments(session: nox.Session) -> None:
    """Log in, reload and kill under other projects' servers, over HTTP; check examples/deploy.

    On Debian, as root, what is missing of nginx, systemd and setpriv is installed.
    """
    wanted = {"nginx": "nginx-light", "systemd-analyze": "systemd", "setpriv": "util-linux"}
    _programs(session, [Server(program, package) for program, package in wanted.items()])
    _install(session, "flask,quart,redis,sqlalchemy,labels", "test", "deployments")
    session.env["SAMESESSION_DEPLOYMENTS"] = "here"
    _pytest(session, "tests/deployments")


def _with_sbin() -> str:
    """Return a PATH with /usr/sbin, where servers live, and which is not on everybody's."""
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def _programs(session: nox.Session, wanted: list[Server]) -> None:
    path = _with_sbin()
    missing = {
        each.program: each.packages.split()
        for each in wanted
        if each.program and not shutil.which(each.program, path=path)
    }
    if missing:
        _install_programs(session, missing)


def _install_programs(session: nox.Session, missing: dict[str, list[str]]) -> None:
    """Install Debian's packages for programs, or end the session and say what to install."""
    packages = sorted({name for names in missing.values() for name in names})
    if not shutil.which("apt-get") or os.geteuid() != 0:
        programs = ", ".join(missing)
        session.error(f"not found: {programs}; on Debian: apt-get install {' '.join(packages)}")
    # RUNLEVEL: Debian's packages start no server of theirs, where no systemd does it.
    env = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    session.run("apt-get", "update", "-qq", external=True, env=env)
    session.run("apt-get", "install", "-y", "-qq", *packages, external=True, env=env)


def _mongodb(session: nox.Session) -> None:
    """Have a server for the mongodb store: see tests/support/mongodb.py."""
    if "SAMESESSION_MONGODB_URL" in os.environ or shutil.which("mongod"):
        return
    python = PYTHONS["3.13"]
    if python is None:
        session.error(
            "mongodb needs SAMESESSION_MONGODB_URL, a mongod, or Python 3.13 for mongoeco"
        )
    place = Path(session.virtualenv.location) / "mongoeco"
    own = str(place / "bin" / "python")
    session.run(python, "-m", "venv", str(place), external=True)
    session.run(own, "-m", "pip", "install", "-q", MONGOECO, external=True)
    session.env["SAMESESSION_MONGOECO"] = own


@nox.session
def browser(session: nox.Session) -> None:
    """Click through the demo in a real Chromium, and look for what is wrong with its pages.

    On Debian, as root, a Chromium that is missing is installed. Pictures of each page, in
    each width and colour scheme, are kept below the session's environment; `-- --readme` makes
    those in README.md anew, and does nothing else.
    """
    program = _chromium()
    if program is None:
        _install_programs(session, {CHROMIUM[0]: [CHROMIUM[0]]})
        program = _chromium()
    if program is None:
        session.error("the package chromium is installed, but brought no chromium")
    _install(session, "flask,quart,labels,redis,device", "test", "browser")
    pictures = Path(session.virtualenv.location) / "screenshots"
    shutil.rmtree(pictures, ignore_errors=True)
    session.env["SAMESESSION_BROWSER"] = program
    session.env["SAMESESSION_SCREENSHOTS"] = str(pictures)
    if session.posargs == ["--readme"]:
        session.env["SAMESESSION_README_PICTURES"] = "anew"
        session.run("pytest", "tests/browser/test_pictures.py")
        return
    _pytest(session, "tests/browser")
    session.log(f"the pages are shown in {pictures}")


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@nox.session
def ecosystem(session: nox.Session) -> None:
    """Run other projects' suites, plain and with sessions of ours under each application.

    In about fifteen minutes; what follows `--` names the projects, `--write` renews the tables
    of docs/explanation/ecosystem.md.
    """
    place = ROOT / "tests" / "ecosystem"
    projects = nox.project.load_toml(place / "projects.toml")
    needed = [name for project in projects.values() for name in project["install"]]
    servers = nox.project.dependency_groups(PROJECT, "servers")
    own = ("pytest", "pytest-timeout", *servers, ".[flask,quart,redis]")
    session.install("-c", str(place / "constraints.txt"), *needed, *own)
    environment = Path(session.virtualenv.location)
    sdists = environment / "sdists"
    _download(session, [f"{name}=={each['version']}" for name, each in projects.items()], sdists)
    session.run(
        *("python", "-m", "tests.ecosystem", "--sdists", str(sdists)),
        *("--work", str(environment / "suites"), *session.posargs),
    )


def _download(session: nox.Session, releases: list[str], sdists: Path) -> None:
    """Have the sdists of releases, whose tests no wheel has."""
    names = ",".join(release.partition("==")[0] for release in releases)
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", names),
        *("--dest", str(sdists), *releases),
    )


@nox.session
def migrate(session: nox.Session) -> None:
    """Have other libraries' releases write sessions, and samesession go on with them.

    In about ten minutes; what follows `--` are words that a case must have in its name, such as
    "Quart" or "redis"; `--write` renews the table of docs/move/results.md. On Debian, as
    root, a memcached that is missing is installed.
    """
    _programs(session, [SERVERS["memcached"]])
    _install(session, EVERYTHING, "test")
    peers = nox.project.load_toml(ROOT / "tests" / "peers" / "peers.toml")
    environments = Path(session.virtualenv.location) / "peers"
    for name, peer in peers.items():
        _environment(session, environments / name.replace(" ", "-"), peer["install"])
    work = Path(session.virtualenv.location) / "cases"
    shutil.rmtree(work, ignore_errors=True)
    session.run(
        *("python", "-m", "tests.peers", "--peers", str(environments)),
        *("--work", str(work), *session.posargs),
    )


def _environment(session: nox.Session, place: Path, wanted: list[str]) -> None:
    """Have an environment with these releases and nothing of ours, made once for each list."""
    made = place / "wanted.txt"
    listed = "\n".join(wanted)
    if made.exists() and made.read_text() == listed:
        return
    shutil.rmtree(place, ignore_errors=True)
    session.run("python", "-m", "venv", str(place))
    session.run(str(place / "bin" / "python"), "-m", "pip", "install", "-q", *wanted, external=True)
    made.write_text(listed)


@nox.session
def mutation(session: nox.Session) -> None:
    """Disable each chosen check in turn and see that the tests notice; print the score."""
    _install(session, EVERYTHING, "test", "peers")
    session.run("python", "-m", "tests.mutation", *session.posargs)
