"""Nobody comes in without right, and no page is made to act by another site."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from unit.console.visiting import (
    HOST,
    PASSWORD,
    USERS,
    browser_of,
    log_in,
    opened,
    token,
    visitor,
)

from workers.console.doors.gate import Hosts
from workers.console.doors.passwords import Unusable, fits, made_of
from workers.console.doors.sessions import IDLE, LONGEST, Sessions, Visitor
from workers.console.doors.throttle import FORGIVEN, Throttle
from workers.console.doors.users import ConsoleRefused, Role, users_of
from workers.console.serve import checked_users
from workers.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

OTTO = Visitor("otto", Role.OPERATOR)


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the header that logs in without a cookie."""
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


# -- opening --


def test_without_users_it_opens_on_loopback_only() -> None:
    """A console that anybody could walk into does not start, and says what to do."""
    with pytest.raises(ConsoleRefused, match="leveret console user"):
        checked_users(Settings(), host="0.0.0.0")
    assert checked_users(Settings(), host="127.0.0.1") == {}


@pytest.mark.parametrize(
    "line",
    [
        "anna",
        "anna:operator",
        "anna:king:x",
        "anna:viewer:plaintext",
        "an na:viewer:scrypt.14.8.5.AA.AA",
    ],
)
def test_a_user_that_cannot_be_read_is_refused(line: str) -> None:
    """A mistake in the users is no open door."""
    with pytest.raises(ConsoleRefused):
        users_of(Settings(console_users=[line]))


def test_users_come_from_a_file_too(tmp_path: Path) -> None:
    """A line each, with comments."""
    made = USERS["otto"].made
    path = tmp_path / "users"
    path.write_text(f"# who may\n\nanna:operator:{made}\nben:viewer:{made}\n")
    assert users_of(Settings(console_users_file=path))["ben"].role is Role.VIEWER


def test_settings_never_show_what_passwords_were_made_into() -> None:
    """`config show` tells names and roles."""
    made = USERS["otto"].made
    shown = Settings(console_users=[f"anna:operator:{made}"]).model_dump(mode="json")
    assert shown["console_users"] == "anna:operator"


# -- passwords --


def test_a_password_fits_what_it_was_made_into() -> None:
    """And no other does; two makings of one password differ."""
    assert fits(PASSWORD, USERS["otto"].made)
    assert not fits(PASSWORD + " ", USERS["otto"].made)
    assert made_of(PASSWORD) != USERS["otto"].made


@pytest.mark.parametrize(
    "made",
    [
        "",
        "scrypt",
        "scrypt.30.8.5.AA.AA",
        "md5.14.8.5.AA.AA",
        "scrypt.a.b.c.d.e",
    ],
)
def test_nonsense_is_no_hash(made: str) -> None:
    """Nor is one that would take all memory to check."""
    with pytest.raises(Unusable):
        fits(PASSWORD, made)


# -- hosts and origins --


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""])
async def test_another_host_is_refused(host: str) -> None:
    """A name that somebody points at loopback gets nothing (DNS rebinding)."""
    async with visitor(opened()) as browser:
        answer = await browser.get("/contracts", headers={"host": host})
    assert answer.status_code == 421
    assert "Contracts" not in answer.text


async def test_configured_hosts_are_answered() -> None:
    """Behind a proxy the console has another name."""
    console = opened(USERS, console_hosts=[HOST])
    async with visitor(console, host=HOST) as browser:
        assert (await browser.get("/login")).status_code == 200


def test_an_open_address_answers_to_addresses_and_its_own_name() -> None:
    """Nobody can make a browser take another name for an address."""
    hosts = Hosts.of("0.0.0.0")
    assert hosts.known("192.0.2.7:9465")
    assert hosts.known("[2001:db8::1]:9465")
    assert not hosts.known("evil.example")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_form_from_another_site_does_nothing(headers: dict[str, str]) -> None:
    """Even with the right token."""
    async with visitor(opened()) as browser:
        page = await browser.get("/contracts")
        form = {"token": token(page), "payload": "{}"}
        answer = await browser.post("/contracts/error", data=form, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(method: str) -> None:
    """Reads are GET, changes are POST, and that is all."""
    async with visitor(opened()) as browser:
        assert (await browser.request(method, "/contracts")).status_code == 405


async def test_every_answer_tells_browsers_to_be_careful() -> None:
    """Refusals, pages and files alike."""
    async with visitor(opened(USERS)) as browser:
        for path in ("/login", "/", "/static/console.css", "/nowhere", "/static/../app.py"):
            headers = (await browser.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"


# -- tokens --


@pytest.mark.parametrize("given", [{}, {"token": ""}, {"token": "x"}, {"token": "é"}])
async def test_a_form_without_its_token_does_nothing(given: dict[str, str]) -> None:
    """Whoever cannot read our pages cannot make one."""
    async with visitor(opened()) as browser:
        answer = await browser.post("/contracts/error", data={"payload": "{}", **given})
    assert answer.status_code == 403
    assert "Nothing was done" in answer.text


async def test_a_token_of_one_visitor_is_nothing_to_another() -> None:
    """Nor does it outlive a login."""
    async with opened(USERS) as app, browser_of(app) as vera, browser_of(app) as otto:
        await log_in(vera, "vera")
        await log_in(otto, "otto")
        stolen = token(await vera.get("/contracts"))
        answer = await otto.post("/contracts/error", data={"token": stolen, "payload": "{}"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=1", "multipart/form-data; boundary=x", 415),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(500)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * (5 * 2**20), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_strange_form_is_refused_in_words(body: bytes, kind: str, status: int) -> None:
    """Huge, malformed or of another kind: a status and a line, and bounded memory."""
    async with visitor(opened()) as browser:
        answer = await browser.post(
            "/contracts/error", content=body, headers={"content-type": kind}
        )
    assert answer.status_code == status


# -- people --


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


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/NOTICE%00",
    ],
)
async def test_no_path_leads_to_another_file(path: str) -> None:
    """Files are known by name, and no path is made of what was asked for."""
    async with visitor(opened()) as browser:
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "import" not in answer.text


# -- clocks --


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
