"""The checks that are disabled in turn, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Replace a text, which stands exactly once in a file below src/samesession."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A check that is disabled by changes; pytest fails with any of these arguments."""

    check: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "the signature of a token",
        (
            Change(
                "core/token.py",
                "if hmac.compare_digest(_signature(key, body), signature):",
                "if True:",
            ),
        ),
        ("tests/unit/test_token.py",),
    ),
    Mutant(
        "the hash of the secret",
        (
            Change(
                "core/token.py",
                "return hmac.compare_digest(token.secret_hash, secret_hash)",
                "return True",
            ),
        ),
        ("tests/web/test_mapping.py", "-k", "old_cookie"),
    ),
    Mutant(
        "the binding of a record to its sid",
        (
            Change(
                "core/record.py",
                'len(filed).to_bytes(4, "big") + filed + body',
                "body",
            ),
        ),
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "the comparison of revisions",
        (
            Change(
                "stores/filesystem.py",
                "if revision_of(current) != expected:",
                "if False:",
            ),
        ),
        ("tests/faults/test_equal_changes.py", "-k", "filesystem"),
    ),
    Mutant(
        "a commit finds the session gone",
        (
            Change(
                "core/flow.py",
                "if not isinstance(outcome, Conflict):\n"
                "                return self._lost(session, None, old)",
                "if not isinstance(outcome, Conflict):\n"
                "                return self._saved(session, Loaded(signed, record), current)",
            ),
        ),
        ("tests/faults/test_canaries.py", "-k", "vanished and memory"),
    ),
    Mutant(
        "Vary",
        (Change("_web.py", "    if reply.vary:", "    if False:"),),
        ("tests/web/test_caching.py", "-k", "memory"),
    ),
    Mutant(
        "an unknown token is not adopted",
        (
            Change(
                "core/flow.py",
                "        signed = self._presented(values)\n",
                "        self._adopted = signed = self._presented(values)\n",
            ),
            Change(
                "core/flow.py",
                "signed = self._signer.sign(self._signer.mint())\n",
                "signed = self._adopted or self._signer.sign(self._signer.mint())\n",
            ),
        ),
        ("tests/faults/test_anonymous.py", "-k", "adopted and memory"),
    ),
    Mutant(
        "the absolute deadline",
        (
            Change(
                "core/policy.py",
                "if record.deadline and now >= record.deadline:",
                "if False:",
            ),
        ),
        ("tests/faults/test_clocks.py", "-k", "absolute and memory"),
    ),
    Mutant(
        "the owner of a file",
        (
            Change(
                "stores/_tree.py",
                "if found.st_uid != os.geteuid() or found.st_nlink > 1:",
                "if found.st_nlink > 1:",
            ),
        ),
        ("tests/faults/test_files.py", "-k", "a_file_of_another_user"),
    ),
    Mutant(
        "the size of a cookie",
        (Change("core/cookie.py", "if size > MAX_BYTES:", "if False:"),),
        ("tests/faults/test_cookies.py", "-k", "4096"),
    ),
)
