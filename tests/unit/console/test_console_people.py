"""Nobody comes in without right; who came in leaves again, by will or by time."""

from __future__ import annotations

import base64

import pytest
from unit.console.visiting import (
    PASSWORD,
    USERS,
    browser_of,
    log_in,
    opened,
    token,
    visitor,
)

from workers.console.doors.sessions import IDLE, LONGEST, Sessions, Visitor
from workers.console.doors.throttle import FORGIVEN, Throttle
from workers.console.doors.users import Role

OTTO = Visitor("otto", Role.OPERATOR)


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the header that logs in without a cookie."""
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_strangers_see_the_login_page_only() -> None:
    """And come back to where they wanted to go."""
    async with visitor(opened(USERS)) as browser:
        answer = await browser.get("/contracts/error?x=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fcontracts%2Ferror%3Fx%3D1"
        assert (await browser.post("/contracts/error", data={})).status_code == 401
        live = await browser.get("/", headers={"accept": "text/event-stream"})
        assert live.status_code == 401


async def test_logging_in_makes_a_strict_cookie() -> None:
    """Out of reach of scripts and other sites; under TLS it never leaves it."""
    async with visitor(opened(USERS), scheme="https") as browser:
        answer = await log_in(browser, "otto")
        assert answer.headers["location"] == "/contracts"
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-leveret=")
        for word in ("httponly", "secure", "samesite=strict", "path=/"):
            assert word in cookie
        assert "otto · operator" in (await browser.get("/contracts")).text


async def test_logging_out_ends_the_session_on_the_server() -> None:
    """A cookie that somebody kept is nothing any more."""
    async with visitor(opened(USERS)) as browser:
        await log_in(browser, "otto")
        kept = dict(browser.cookies)
        await browser.post("/logout", data={"token": token(await browser.get("/contracts"))})
        browser.cookies.update(kept)
        assert (await browser.get("/contracts")).status_code == 303


async def test_the_cookie_changes_with_the_login() -> None:
    """Whoever planted one in a browser stays outside."""
    async with visitor(opened(USERS)) as browser:
        await browser.get("/login")
        before = browser.cookies["leveret_console"]
        await log_in(browser, "otto")
        assert browser.cookies["leveret_console"] != before


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:x",
        "/a\r\nb",
    ],
)
async def test_a_login_leads_to_no_other_site(address: str) -> None:
    """Whatever the address asked for."""
    async with visitor(opened(USERS)) as browser:
        page = await browser.get("/login", params={"next": address})
        form = {"name": "otto", "password": PASSWORD, "token": token(page), "next": address}
        assert (await browser.post("/login", data=form)).headers["location"] == "/"


async def test_wrong_passwords_are_told_apart_from_nothing_and_slowed_down() -> None:
    """Known names and unknown ones get the same words, and soon a wait."""
    async with visitor(opened(USERS)) as browser:
        known = await log_in(browser, "otto", "wrong password")
        unknown = await log_in(browser, "nobody", "wrong password")
        assert known.status_code == unknown.status_code == 401
        assert "do not fit" in known.text
        assert "do not fit" in unknown.text
        for _ in range(FORGIVEN - 2):
            await log_in(browser, "otto", "wrong password")
        late = await log_in(browser, "otto")
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) >= 1
        assert "right password is not tried" in late.text
        assert 'value="otto"' in late.text  # the form is still there


async def test_basic_auth_is_a_login_for_programs() -> None:
    """With the same roles; a wrong one is told how."""
    async with visitor(opened(USERS)) as browser:
        page = await browser.get("/contracts", headers=basic("vera"))
        assert "vera · viewer" in page.text
        wrong = await browser.get("/contracts", headers=basic("vera", "wrong"))
        assert wrong.status_code == 401
        assert wrong.headers["www-authenticate"].startswith("Basic")
        broken = await browser.get("/contracts", headers={"authorization": "Basic !!"})
        assert broken.status_code == 401
        foreign = await browser.get("/contracts", headers={"authorization": b"Basic \xe9"})
        assert foreign.status_code == 401


async def test_a_program_posts_with_the_token_of_a_page_it_read() -> None:
    """With basic auth all along; without the token, or with a browser's, nothing is done."""
    form = {"once": "a program's own word", "payload": "{}"}
    async with opened(USERS) as app, browser_of(app) as program, browser_of(app) as otto:
        await log_in(otto, "otto")
        browsers = token(await otto.get("/contracts"))
        own = token(await program.get("/contracts", headers=basic("otto")))
        for given, status in ((own, 422), (browsers, 403), ("", 403)):
            answer = await program.post(
                "/contracts/error", data=form | {"token": given}, headers=basic("otto")
            )
            assert answer.status_code == status


async def test_a_viewer_changes_nothing() -> None:
    """Though they have a token like everybody."""
    async with visitor(opened(USERS)) as browser:
        await log_in(browser, "vera")
        page = await browser.get("/contracts/error")
        assert "Publish and wait" not in page.text
        form = {"token": token(page), "payload": "{}"}
        assert (await browser.post("/contracts/error", data=form)).status_code == 403


async def test_without_users_only_this_machine_comes_in() -> None:
    """A proxy that brings somebody from elsewhere says so, and is refused."""
    async with visitor(opened(), peer="192.0.2.7") as browser:
        answer = await browser.get("/contracts")
        assert answer.status_code == 403
        assert "LEVERET_CONSOLE_USERS" in answer.text


async def test_a_link_on_another_site_finds_the_session() -> None:
    """The browser keeps a strict cookie back; one hop on our own site brings it."""
    async with visitor(opened(USERS)) as browser:
        hop = await browser.get(
            "/contracts/error?a=1&b=2", headers={"sec-fetch-site": "cross-site"}
        )
        assert 'content="0;url=/contracts/error?a=1&amp;b=2"' in hop.text
        evil = await browser.get('/contracts/"><script>', headers={"sec-fetch-site": "cross-site"})
        assert "<script" not in evil.text


def test_sessions_end_by_silence_and_by_age() -> None:
    """A machine left alone is not open for ever."""
    now = 0.0
    sessions = Sessions(clock=lambda: now)
    token = sessions.begin(OTTO)
    now = IDLE - 1
    assert sessions.visitor(token) == OTTO
    now += IDLE + 1
    assert sessions.visitor(token) is None
    token, began = sessions.begin(OTTO), now
    while now < began + LONGEST:
        assert sessions.visitor(token) == OTTO
        now += IDLE / 2
    now += 1
    assert sessions.visitor(token) is None


def test_a_throttle_waits_longer_each_time_and_forgets() -> None:
    """Five tries are free, then the wait doubles; a success or time clears it."""
    now = 0.0
    throttle = Throttle(clock=lambda: now)
    for _ in range(FORGIVEN):
        assert throttle.wait("a") == 0
        throttle.failed("a")
    first = throttle.wait("a")
    throttle.failed("a")
    assert throttle.wait("a") == 2 * first
    assert throttle.wait("b") == 0
    now += 10_000
    throttle.failed("a")
    assert throttle.wait("a") == 0
