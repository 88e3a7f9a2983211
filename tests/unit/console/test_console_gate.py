"""No page is made to act by another site, and no path leads out of the console."""

from __future__ import annotations

import pytest
from unit.console.visiting import (
    HOST,
    USERS,
    browser_of,
    log_in,
    opened,
    token,
    visitor,
)

from workers.console.doors.gate import Hosts


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"])
async def test_another_host_is_refused(host: str) -> None:
    """A name that somebody points at loopback gets nothing (DNS rebinding)."""
    async with visitor(opened()) as browser:
        answer = await browser.get("/contracts", headers={"host": host})
    assert answer.status_code == 421
    assert "Contracts" not in answer.text


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "evil.example@localhost",
        "localhost,evil.example",
        "localhost evil.example",
        "localhost/evil.example",
        "localhost:",
        "localhost:http",
        "localhost:0",
        "localhost:65536",
        "localhost:8080:8080",
        "[::1",
        "::1",
        "[::1]evil.example",
        "[::1]:x",
        "[1:2]",
        "[localhost]",
    ],
)
async def test_a_malformed_host_is_refused(host: str) -> None:
    """What a proxy or a browser may read otherwise than we do is read by nobody."""
    async with visitor(opened()) as browser:
        answer = await browser.get("/contracts", headers={"host": host})
    assert answer.status_code == 400
    assert "Contracts" not in answer.text


async def test_two_hosts_are_refused() -> None:
    """Whichever comes first."""
    async with visitor(opened()) as browser:
        two = [("host", "localhost"), ("host", "evil.example")]
        assert (await browser.get("/contracts", headers=two)).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:65535"])
async def test_this_machine_is_answered_by_its_names(host: str) -> None:
    """With a port and without."""
    async with visitor(opened()) as browser:
        assert (await browser.get("/contracts", headers={"host": host})).status_code == 200


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
