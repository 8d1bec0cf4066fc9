"""Proofs of a browser's key: what is accepted, and all that is not."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from samesession.device.keys import PublicKey, public_key
from samesession.device.proofs import MOST_CHARACTERS, proved_challenge, registration
from samesession.device.strict_json import BadProof, decoded, parsed
from tests.support.authenticator import Authenticator, encoded, number, rsa_key, written

CHALLENGE = "c" * 43
ALGORITHMS = ("ES256", "RS256")


def pad(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The examples of RFC 7515, A.2 and A.3: keys, what they signed, and their signatures.
SIGNED = (
    b"eyJhbGciOiJ%s.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
    b"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
EXAMPLES = {
    "ES256": (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        SIGNED % b"FUzI1NiJ9",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    "RS256": (
        {
            "kty": "RSA",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx"
            "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
            "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
            "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
            "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
            "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        },
        SIGNED % b"SUzI1NiJ9",
        (
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
            "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
            "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
            "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
            "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
            "p0igcN_IoypGlUPQGe77Rw"
        ),
    ),
}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_examples_of_the_rfc_are_signed_by_their_keys(alg: str) -> None:
    jwk, signed, signature = EXAMPLES[alg]
    key = public_key(alg, jwk)
    key.check(pad(signature), signed)
    with pytest.raises(BadProof, match="not the key's"):
        key.check(pad(signature), signed + b"x")


def test_a_key_is_kept_as_its_thumbprint_is_made() -> None:
    """The example of RFC 7638, 3.1."""
    jwk = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
            "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
            "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
            "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
            "Cur-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    thumbprint = hashlib.sha256(public_key("RS256", jwk).jwk).digest()
    assert encoded(thumbprint) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_registration_proves_its_own_key(alg: str) -> None:
    mine = Authenticator(alg)
    found = registration(mine.proof(CHALLENGE, new=True))
    assert found.challenge == CHALLENGE
    assert found.key.alg == alg
    assert json.loads(found.key.jwk) == mine.jwk
    assert proved_challenge(mine.proof(CHALLENGE), found.key) == CHALLENGE


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_another_key_proves_nothing(alg: str) -> None:
    key = registration(Authenticator(alg).proof(CHALLENGE, new=True)).key
    others = [Authenticator(), Authenticator("RS256", key=rsa_key(nth=1))]
    for other in others:
        with pytest.raises(BadProof):
            proved_challenge(other.proof(CHALLENGE), key)
        with pytest.raises(BadProof):  # by a key that it brings along
            proved_challenge(other.proof(CHALLENGE, new=True), key)


def test_a_key_of_another_is_not_registered() -> None:
    mine, theirs = Authenticator(), Authenticator()
    with pytest.raises(BadProof, match="not the key's"):
        registration(mine.proof(CHALLENGE, new=True, bend=lambda h, _: h.update(jwk=theirs.jwk)))


def header(**members: object) -> Callable[..., None]:
    """Give what sets members of the header; Ellipsis: that takes one away."""

    def bend(header: dict[str, Any], _: dict[str, Any]) -> None:
        header.update(members)
        for name in [name for name, value in members.items() if value is ...]:
            del header[name]

    return bend


def payload(**members: object) -> Callable[..., None]:
    return lambda _, payload: header(**members)(payload, {})


@pytest.mark.parametrize(
    "bend",
    [
        *(
            header(alg=alg)
            for alg in ("none", "None", "HS256", "RS256", "ES384", "EdDSA", "", None)
        ),
        *(header(alg=alg) for alg in (["ES256"], {"ES256": 1}, 1, ...)),
        *(header(typ=typ) for typ in ("JWT", "dbsc+jwt ", None, ["dbsc+jwt"], ...)),
        *(header(crit=crit) for crit in ([], ["b64"], None)),
        *(payload(jti=jti) for jti in ("", None, 1, ["c"], {"c": 1}, "c" * 129, ...)),
    ],
)
def test_what_is_signed_must_be_a_proof(bend: Callable[..., None]) -> None:
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    with pytest.raises(BadProof):
        registration(mine.proof(CHALLENGE, new=True, bend=bend))
    with pytest.raises(BadProof):
        proved_challenge(mine.proof(CHALLENGE, bend=bend), key)


def test_nothing_is_proved_without_a_signature() -> None:
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    unsigned = f"{written({'alg': 'none', 'typ': 'dbsc+jwt'})}.{written({'jti': CHALLENGE})}"
    signed = mine.proof(CHALLENGE).rpartition(".")[0]
    for text in (f"{unsigned}.", unsigned, f"{signed}.", signed, f"{signed}.{encoded(b'0' * 64)}"):
        with pytest.raises(BadProof):
            proved_challenge(text, key)


def test_a_public_key_is_no_secret_that_signs() -> None:
    """As where a library takes the algorithm of the proof for any key."""
    mine = Authenticator("RS256")
    key = registration(mine.proof(CHALLENGE, new=True)).key
    signed = f"{written({'alg': 'HS256', 'typ': 'dbsc+jwt'})}.{written({'jti': CHALLENGE})}"
    made = hmac.digest(key.jwk, signed.encode(), "sha256")
    with pytest.raises(BadProof, match="algorithm"):
        proved_challenge(f"{signed}.{encoded(made)}", key)


def test_a_proof_that_is_too_long_is_refused_though_it_is_signed() -> None:
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    for spare, is_refused in ((1000, False), (MOST_CHARACTERS, True)):
        proof = mine.proof(CHALLENGE, bend=payload(more="x" * spare))
        if is_refused:
            with pytest.raises(BadProof, match="too long"):
                proved_challenge(proof, key)
        else:
            assert proved_challenge(proof, key) == CHALLENGE


def test_every_other_way_to_write_a_proof_is_refused() -> None:
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    first, second, third = mine.proof(CHALLENGE).split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    looser = third[:-1] + last[last.index(third[-1]) + 1]  # bits that count for nothing
    for text in (
        *(f"{first}.{second}.{third}{end}" for end in ("=", "==", "\n", " ", ".", ".AA", "!")),
        f"{first}.{second}.{looser}",
        f" {first}.{second}.{third}",
        f"{first}..{second}.{third}",
        f"{first}.{second}",
        "",
        "..",
        f"{first}.{second}.{third[:-2]}",
        f"{first}.{second}.é",
        "A" * (MOST_CHARACTERS + 1),
    ):
        with pytest.raises(BadProof):
            proved_challenge(text, key)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"typ":"dbsc+jwt","alg":"ES256","alg":"ES256"}',
        b'{"typ":"dbsc+jwt","alg":"ES256","x":{"a":1,"a":1}}',
        b'{"typ":"dbsc+jwt","alg":"ES256","x":NaN}',
        b'{"typ":"dbsc+jwt","alg":"ES256","x":-Infinity}',
        b'\xff{"typ":"dbsc+jwt","alg":"ES256"}',
        '{"typ":"dbsc+jwt","alg":"ES256"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"typ":"dbsc+jwt","alg":"ES256"}',
        b'["dbsc+jwt"]',
        b'"dbsc+jwt"',
        b"",
        b"{",
        b"[" * 2500,
        b'{"a":' * 500,
    ],
)
def test_a_header_is_one_json_object(raw: bytes) -> None:
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    signed = f"{encoded(raw)}.{written({'jti': CHALLENGE})}"
    with pytest.raises(BadProof):
        proved_challenge(f"{signed}.{encoded(mine.sign(signed.encode()))}", key)
    with pytest.raises(BadProof):
        parsed(raw)


def _jwk(kind: str, **members: object) -> dict[str, object]:
    return {**EXAMPLES[kind][0], **members}


OTHER_CURVE = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()


@pytest.mark.parametrize(
    ("alg", "jwk"),
    [
        ("ES256", None),
        ("ES256", "text"),
        ("ES256", []),
        ("ES256", {}),
        ("ES256", _jwk("RS256")),
        ("RS256", _jwk("ES256")),
        ("ES256", _jwk("ES256", kty="RSA")),
        ("ES256", _jwk("ES256", crv="P-384")),
        ("ES256", _jwk("ES256", crv="secp256k1")),
        ("ES256", _jwk("ES256", alg="ES384")),
        ("ES256", _jwk("ES256", d="AA")),
        ("ES256", _jwk("ES256", x=1)),
        ("ES256", _jwk("ES256", y=None)),
        ("ES256", _jwk("ES256", x=encoded(bytes(32)), y=encoded(bytes(32)))),
        ("ES256", _jwk("ES256", x=encoded(b"\xff" * 32))),  # above the field's prime
        ("ES256", _jwk("ES256", x=encoded(b"\0" + pad(EXAMPLES["ES256"][0]["x"])))),
        ("ES256", _jwk("ES256", y=encoded(b"1" * 31))),
        ("ES256", _jwk("ES256", x=number(OTHER_CURVE.x), y=number(OTHER_CURVE.y))),
        ("ES256", _jwk("ES256", y=EXAMPLES["ES256"][0]["x"])),  # on no curve
        ("RS256", _jwk("RS256", n=number(2**2047 - 1))),
        ("RS256", _jwk("RS256", n=number(2**4096 + 1))),
        ("RS256", _jwk("RS256", n=number(2**2048 - 2))),
        *(("RS256", _jwk("RS256", e=number(e))) for e in (1, 2, 65536, 65539, 2**64 + 1)),
        ("RS256", _jwk("RS256", e="")),
        ("RS256", _jwk("RS256", e="AAEAAQ")),  # a zero before
        ("RS256", _jwk("RS256", d="AA")),
    ],
)
def test_what_is_no_public_key_is_refused(alg: str, jwk: object) -> None:
    with pytest.raises(BadProof):
        public_key(alg, jwk)


@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_proof_of_an_rsa_key_fits(bits: int) -> None:
    mine = Authenticator("RS256", key=rsa_key(bits))
    text = mine.proof(CHALLENGE, new=True)
    assert len(text) < MOST_CHARACTERS * 2 // 3
    assert registration(text).challenge == CHALLENGE


def test_the_smaller_rsa_keys_are_refused() -> None:
    mine = Authenticator("RS256", key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(BadProof, match="modulus"):
        registration(mine.proof(CHALLENGE, new=True))


def test_a_signature_is_of_two_halves() -> None:
    """Not of DER, as OpenSSL writes them; and neither half is zero, or beyond the order."""
    mine = Authenticator()
    key = registration(mine.proof(CHALLENGE, new=True)).key
    signed = mine.proof(CHALLENGE).rpartition(".")[0]
    der = mine.key.sign(signed.encode(), ec.ECDSA(SHA256()))
    good = mine.sign(signed.encode())
    longer = good[:32] + b"\0" + good[32:]  # the same numbers
    assert len(longer) == len(good) + 1
    for bad in (der, bytes(64), b"\xff" * 64, good[:32] + bytes(32), good[:63], longer):
        with pytest.raises(BadProof):
            proved_challenge(f"{signed}.{encoded(bad)}", key)


@settings(max_examples=200)
@given(st.data())
def test_no_change_of_a_proof_proves_anything(data: st.DataObject) -> None:
    text, key = _PROVED
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from("AZaz09-_.="))
    changed = text[:at] + character + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(BadProof):
        proved_challenge(changed, key)


@given(st.binary(max_size=40))
def test_base64url_is_read_as_it_is_written(raw: bytes) -> None:
    if raw:
        assert decoded(encoded(raw)) == raw


def _proved() -> tuple[str, PublicKey]:
    mine = Authenticator()
    return mine.proof(CHALLENGE), registration(mine.proof(CHALLENGE, new=True)).key


_PROVED = _proved()
