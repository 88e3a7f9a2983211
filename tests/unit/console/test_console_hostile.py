"""Whoever asks for what they may not, in whatever words, gets no more than a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest
from unit.console.visiting import USERS, browser_of, log_in, opened, seen, token

from examples import registry as examples

if TYPE_CHECKING:
    from starlette.types import ASGIApp

#: Posts that anybody may send.
FOR_ALL: Final = frozenset({"/login", "/logout"})
HUGE: Final = "&".join(f"id={number:08d}" for number in range(5_000))


def _posts(app: ASGIApp) -> list[str]:
    """Return every address of the console that takes a POST."""
    router = app._app._app._router  # type: ignore[attr-defined] # gate, doors, pages
    paths = [route.path for route in router.routes if "POST" in (route.methods or ())]
    assert len(paths) > 10
    filled = [
        path.replace("{message_type}/{task_type}", "task_request/echo")
        .replace("{message_type}", "error")
        .replace("{", "")
        .replace("}", "")
        for path in paths
    ]
    return [path for path in filled if path not in FOR_ALL]


async def test_no_post_of_a_viewer_does_anything() -> None:
    """Whichever address it goes to, and with a token that is theirs."""
    async with opened(USERS, registry=examples) as app, browser_of(app) as vera:
        await log_in(vera, "vera")
        theirs = token(await vera.get("/contracts"))
        for path in _posts(app):
            answer = await vera.post(path, data={"token": theirs, "once": "x", "why": "x"})
            assert answer.status_code == 403, path
            assert "nothing was done" in answer.text.lower(), path


async def test_no_post_without_its_token_does_anything() -> None:
    """Nor one that another site made, though its token were right."""
    async with opened(USERS, registry=examples) as app, browser_of(app) as otto:
        await log_in(otto, "otto")
        right = {"token": token(await otto.get("/contracts"))}
        for path in _posts(app):
            assert (await otto.post(path, data={"token": "x"})).status_code == 403, path
            for origin in ("https://evil.example", "null", "http://[", "", "http://localhost@evil"):
                answer = await otto.post(path, data=right, headers={"origin": origin})
                assert answer.status_code == 403, (path, origin)


async def test_no_post_of_a_stranger_is_even_read() -> None:
    """They log in first."""
    async with opened(USERS, registry=examples) as app, browser_of(app) as nobody:
        for path in _posts(app):
            assert (await nobody.post(path, data={})).status_code == 401, path


@pytest.mark.parametrize(
    "query",
    [
        "id=%00%00%00%00%00%00",
        "id=..%2f..%2f..%2f&id=%22%3E%3Cscript%3E",
        "since=0001-01-01T00:00%2B23:59&until=9999-12-31T23:59-23:59",
        "contains=%ff%fe%00",
        "fingerprint=%22onload=1",
        "page=%C2%B9",
        "page=" + "9" * 4_000,
        "contains=" + "x" * 60_000,
        HUGE,
        "&" * 5_000,
        "group=%00",
    ],
    ids=range(11),
)
async def test_no_query_is_too_strange(query: str) -> None:
    """It is answered in words, on every page that takes one, and by no error of ours."""
    async with opened() as app, browser_of(app) as browser:
        for path in ("/letters", "/letters/replay", "/letters/export", "/history"):
            answer = await seen(browser, f"{path}?{query}")
            assert answer.status_code in {400, 404, 503}, path
            assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "name",
    ["..", "../..", "..%2f..", "%00", "a%2fb", "-", "x" * 5_000, '"><script>alert(1)</script>'],
)
async def test_no_name_in_a_path_leads_elsewhere(name: str) -> None:
    """Letters, runs, replicas and contracts are known by name, and files are not made of it."""
    async with opened() as app, browser_of(app) as browser:
        for room in ("letters", "runs", "replicas", "contracts"):
            path = f"/{room}/{quote(name, safe='%/.')}"
            answer = await seen(browser, path)
            assert answer.status_code in {200, 303, 307, 404, 503}, path
            assert "<script>alert" not in answer.text
            assert "import " not in answer.text
