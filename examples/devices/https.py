"""A certificate for the demo over https, and the command that opens Chromium with it.

Browsers bind sessions to a computer only over https and with a valid certificate. After a click
through a warning, Chromium does not bind. So the command tells Chromium to accept the demo's key.
"""

from __future__ import annotations

import os
import shlex
import shutil
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509 import (
    CertificateBuilder,
    IPAddress,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

# On Linux, Chromium needs these features, and keeps its key in a file instead of a chip. Its quota
# of six proofs in some minutes is off. Browsers that support device-bound sessions need no flags.
FEATURES = (
    "DeviceBoundSessions:RefreshQuota/false",
    "EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
)
# Names of the program. The first is Debian's.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LIFE = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """The paths of PEM files, and the hash that pins the key."""

    path: str
    key_path: str
    pin: str


def self_signed(directory: str, host: str) -> Certificate:
    """Make a self-signed certificate for an IP address."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = Name([NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # for slow clocks
        .not_valid_after(now + LIFE)
        .add_extension(SubjectAlternativeName([IPAddress(ip_address(host))]), critical=False)
        .sign(key, SHA256())
    )
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(
        path=_written(directory, "certificate.pem", certificate.public_bytes(Encoding.PEM)),
        key_path=_written(directory, "key.pem", private),
        pin=b64encode(sha256(public).digest()).decode(),
    )


def _written(directory: str, name: str, content: bytes) -> str:
    path = os.path.join(directory, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


def flags(pin: str) -> list[str]:
    """Return the flags that make Chromium accept the certificate and bind sessions."""
    return [
        f"--enable-features={','.join(FEATURES)}",
        f"--ignore-certificate-errors-spki-list={pin}",
    ]


def command(url: str, pin: str, profile: str) -> str:
    """Return the command line that opens the demo, for a POSIX shell.

    It has its own profile, because a Chromium that already runs ignores the flags.
    """
    program = next(filter(shutil.which, PROGRAMS), PROGRAMS[0])
    # Chromium's sandbox does not work for root.
    own = ["--no-sandbox"] if os.geteuid() == 0 else []
    words = [program, *own, f"--user-data-dir={profile}", "--no-first-run", *flags(pin), url]
    return shlex.join(words)
