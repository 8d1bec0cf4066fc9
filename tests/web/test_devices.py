"""Sessions that are bound to a device: a browser registers its key, and proves it."""

from __future__ import annotations

import pytest

from tests.conftest import NewSite
from tests.support.authenticator import Authenticator, Bend, registration_of
from tests.support.browser import attributes
from tests.support.device import BOUND, DeviceBrowser
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

NAMELESS = ("é", "x" * 5000)  # what no session is called


@pytest.fixture(params=["offer", "require"])
def mode(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def site(new_site: NewSite, mode: str) -> Site:
    return new_site(SESSION_DEVICE_BOUND=mode)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_a_login_binds_the_session_to_the_browsers_key(site: Site, alg: str) -> None:
    browser = DeviceBrowser(site, alg)
    answer = await browser.log_in()
    said = answer.json()
    sid = await browser.value(lambda session: session.info.sid)
    (set_cookie,) = answer.set_cookies
    found = attributes(set_cookie)
    assert found.pop("name") == BOUND
    assert found.pop("value") == browser.jar[BOUND]
    assert found.pop("max-age") == "540"
    (credential,) = said.pop("credentials")
    assert (credential.pop("type"), credential.pop("name")) == ("cookie", BOUND)
    assert attributes(f"x=y; {credential.pop('attributes')}") == {
        "name": "x",
        "value": "y",
        **found,
    }
    assert credential == {}
    assert said == {
        "session_identifier": sid,
        "refresh_url": "/_session/device/refresh",
        "scope": {
            "include_site": False,
            "scope_specification": [{"type": "exclude", "domain": "*", "path": "/_session/device"}],
        },
    }
    assert await browser.value(lambda session: session.info.device_bound) is True


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_a_proof_brings_the_bound_cookie_anew(site: Site, alg: str) -> None:
    browser = DeviceBrowser(site, alg)
    await browser.log_in()
    first = browser.jar[BOUND]
    for _ in range(3):
        site.clock.advance(545)
        answer = await browser.go(lambda session: session.info.owner)
        assert answer.status == 200
        assert browser.visitor.result == "ada"
    assert browser.refreshes == 3
    assert browser.jar[BOUND] != first


async def test_a_challenge_counts_once(site: Site) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    asked = await browser.ask()
    challenge = browser.challenge
    assert challenge is not None
    assert (asked.status, asked.body) == (403, b"")
    assert (await browser.prove(challenge)).status == 200
    replayed = await browser.prove(challenge)
    assert replayed.status == 403
    assert browser.challenge not in (None, challenge)
    assert replayed.set_cookies == []
    assert (await browser.prove()).status == 200


async def test_a_challenge_that_was_just_replaced_counts_and_an_older_one_does_not(
    site: Site,
) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    challenges = []
    for _ in range(3):
        await browser.ask()
        challenges.append(str(browser.challenge))
    assert len(set(challenges)) == 3
    assert (await browser.prove(challenges[1])).status == 200
    assert (await browser.prove(challenges[0])).status == 403
    # What was refused has brought a newer one, beside which the third one stands.
    assert (await browser.prove(challenges[2])).status == 200


async def test_a_challenge_lives_for_two_minutes(site: Site) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    await browser.ask()
    site.clock.advance(119)
    assert (await browser.prove()).status == 200
    await browser.ask()
    challenge = browser.challenge
    site.clock.advance(122)
    assert (await browser.prove(challenge)).status == 403
    assert browser.challenge != challenge


async def test_an_offer_lives_for_five_minutes(site: Site) -> None:
    for seconds, status in ((299, 200), (302, 400)):
        browser = DeviceBrowser(site)
        offer = await browser.visit(lambda session: session.bind("ada"))
        site.clock.advance(seconds)
        assert (await browser.register(offer)).status == status
        bound = await browser.value(lambda session: session.info.device_bound)
        assert bound is (status == 200)


async def test_a_registration_whose_answer_was_lost_is_answered_again(site: Site) -> None:
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    first = await browser.register(offer)
    kept = browser.jar[BOUND]
    again = await browser.register(offer)
    assert (again.status, again.body) == (200, first.body)
    assert browser.jar[BOUND] == kept


async def test_a_bound_session_takes_no_second_key(site: Site) -> None:
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    thief = browser.stolen()
    assert (await browser.register(offer)).status == 200
    assert (await thief.register(offer)).status == 400
    thief.known = browser.known
    await thief.ask()
    refused = await thief.prove()
    assert (refused.status, refused.set_cookies) == (403, [])
    await browser.ask()
    assert (await browser.prove()).status == 200


async def test_only_the_last_offer_counts(site: Site) -> None:
    browser = DeviceBrowser(site)
    first = await browser.visit(lambda session: session.bind("ada"))
    second = await browser.visit(lambda session: session.offer_device_binding())
    assert (await browser.register(first)).status == 400
    assert (await browser.register(second)).status == 200
    third = await browser.visit(lambda session: session.offer_device_binding())
    assert registration_of(third) is None


async def test_an_offer_of_another_session_binds_nothing(site: Site) -> None:
    one, other = DeviceBrowser(site), DeviceBrowser(site)
    offer = await one.visit(lambda session: session.bind("ada"))
    _ = await other.visit(lambda session: session.bind("bob"))
    assert (await other.register(offer)).status == 400
    for browser in (one, other):
        assert await browser.value(lambda session: session.info.device_bound) is False
    assert (await one.register(offer)).status == 200


def _none(header: dict[str, object], _: dict[str, object]) -> None:
    header["alg"] = "none"


def _other_type(header: dict[str, object], _: dict[str, object]) -> None:
    header["typ"] = "JWT"


def _other_challenge(_: dict[str, object], payload: dict[str, object]) -> None:
    payload["jti"] = "c" * 43


def _other_key(header: dict[str, object], _: dict[str, object]) -> None:
    header["jwk"] = Authenticator().jwk


@pytest.mark.parametrize("bend", [_none, _other_type, _other_challenge, _other_key])
async def test_a_registration_that_proves_nothing_binds_nothing(site: Site, bend: Bend) -> None:
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    refused = await browser.register(offer, bend=bend)
    assert (refused.status, refused.text, refused.set_cookies) == (
        400,
        "The registration is refused.\n",
        [],
    )
    assert await browser.value(lambda session: session.info.device_bound) is False
    assert (await browser.register(offer)).status == 200


@pytest.mark.parametrize("bend", [_none, _other_type, _other_challenge])
async def test_a_proof_that_proves_nothing_is_answered_by_another_challenge(
    site: Site, bend: Bend
) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    await browser.ask()
    challenge = browser.challenge
    refused = await browser.prove(challenge, bend=bend)
    assert (refused.status, refused.body, refused.set_cookies) == (403, b"", [])
    assert browser.challenge not in (None, challenge)
    assert (await browser.prove(challenge)).status == 200  # it was not used by that


@pytest.mark.parametrize("said", ["", "x", '"', "a.b.c", "é", '"a", "b"', "x" * 5000])
async def test_what_is_no_proof_is_refused(site: Site, said: str) -> None:
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    answer = await browser.post("/_session/device/register", Secure_Session_Response=said)
    assert answer.status == 400
    assert (await browser.register(offer)).status == 200
    assert (await browser.ask(Secure_Session_Response=said)).status == 403
    assert (await browser.prove()).status == 200


async def test_a_proof_may_be_a_string_as_the_draft_has_it(site: Site) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    await browser.ask(sid=f'"{browser.sid}"')
    proof = browser.device.proof(str(browser.challenge))
    answer = await browser.ask(sid=f'"{browser.sid}"', Secure_Session_Response=f'"{proof}"')
    assert answer.status == 200


async def test_a_proof_that_comes_twice_is_none(site: Site) -> None:
    browser = DeviceBrowser(site)
    await browser.log_in()
    await browser.ask()
    challenge = str(browser.challenge)
    proof = browser.device.proof(challenge)
    twice = await browser.ask(Secure_Session_Response=proof, secure_session_response=proof)
    assert (twice.status, twice.set_cookies) == (403, [])
    assert (await browser.prove(challenge)).status == 200


async def test_no_script_and_no_plain_http_has_the_bound_cookie(
    new_site: NewSite, mode: str
) -> None:
    """Though the session's own cookie may be anybody's."""
    site = new_site(SESSION_DEVICE_BOUND=mode, SESSION_COOKIE_HTTPONLY=False)
    answer = await DeviceBrowser(site).log_in()
    (set_cookie,) = answer.set_cookies
    assert {"secure", "httponly"} <= attributes(set_cookie).keys()
    (credential,) = answer.json()["credentials"]
    assert {"secure", "httponly"} <= attributes(f"x=y; {credential['attributes']}").keys()


async def test_a_proof_counts_for_its_session_alone(site: Site) -> None:
    """Though both were proved in one browser, as after another login."""
    one, other = DeviceBrowser(site), DeviceBrowser(site)
    other.device = one.device
    await one.log_in("ada")
    await other.log_in("bob")
    await one.ask()
    await other.ask()
    swapped = await other.prove(one.challenge)
    assert (swapped.status, swapped.set_cookies) == (403, [])
    # By the name of a session that the cookie is not of.
    proof = one.device.proof(str(one.challenge))
    for said in ({}, {"Secure_Session_Response": proof}):
        there = await one.ask(sid=other.sid, **said)
        assert there.json() == {"session_identifier": other.sid, "continue": False}
        assert there.set_cookies == []
    assert (await one.prove()).status == 200  # the challenge was not used by that


async def test_whatever_is_not_there_has_one_answer(site: Site) -> None:
    """So that nobody learns by it which sessions there are."""
    browser, unbound, nobody = DeviceBrowser(site), DeviceBrowser(site), DeviceBrowser(site)
    await browser.log_in()
    _ = await unbound.visit(lambda session: session.bind("bob"))
    sid = await unbound.value(lambda session: session.info.sid)
    seen = set()
    for each in (unbound, nobody, browser):
        each.known = browser.known
        for asked in (browser.sid, sid, "nothing", *NAMELESS):
            if (each, asked) == (browser, browser.sid):
                continue
            answer = await each.ask(sid=asked)
            headers = [name for name, _ in answer.headers]
            body = answer.body.replace(asked.encode(), b"SID")
            nameless = asked in NAMELESS
            seen.add(answer.status if nameless else (answer.status, body, *sorted(headers)))
    assert len(seen) == 2  # what is no name is told of, whoever asks
    assert 400 in seen
