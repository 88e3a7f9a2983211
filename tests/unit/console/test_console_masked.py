"""A letter of which something is hidden, mended on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from unit.console.visiting import browser_of, form, opened

from topology import Names
from workers.console.letters.benches import Benches
from workers.deadletters import MASK, Masking, Operator, Reader, Shown, Standing, shape
from workers.outcome import Delivery, Properties

if TYPE_CHECKING:
    from workers.deadletters import Foreseen

BODY: Final = b'{"payload":{"password":"hunter2","x":1}}'
MASKING: Final = Masking(("/payload/password",))
LETTER: Final = Reader(Names(), "guest").letter(Delivery(BODY, Properties(headers={})))


class Bench:
    """A bench with one letter, at which nothing is sent but what can be restored."""

    operator = Operator(who="ada", masking=MASKING)

    async def show(self, _letter_id: str) -> Shown:
        """Return the letter."""
        return Shown(
            letter=LETTER,
            body=shape(MASKING.shown(BODY)),
            foreseen=None,
            open=True,
            deeds=(),
            replayed=None,
            destination="",
            editable=MASKING.shown(BODY),
            standing=Standing(open=1),
        )

    async def preview_edit(self, _letter_id: str, body: bytes) -> Foreseen | None:
        """Judge nothing, and refuse what would not be sent."""
        MASKING.restore(body, BODY)
        return None

    def for_person(self, _who: str) -> Bench:
        """Return the same."""
        return self


@pytest.mark.parametrize("page", ["check", "edit"])
async def test_a_body_with_a_mask_that_hides_nothing_there_is_not_sent(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says where it stands and what to do, and keeps what was written."""
    monkeypatch.setattr(Benches, "bench", lambda *_: Bench())
    async with opened() as app, browser_of(app) as browser:
        blank = await browser.get(f"/letters/{LETTER.id}/edit")
        assert "hunter2" not in blank.text
        text = f'{{"payload":{{"pass":"{MASK}"}}}}'
        answer = await browser.post(
            f"/letters/{LETTER.id}/{page}", data=form(blank, body=text, why="because")
        )
    assert answer.status_code == (200 if page == "check" else 422)
    assert f"/payload/pass still holds {MASK}" in answer.text
    assert answer.text.count("nothing was sent") == 1
    assert "hunter2" not in answer.text
    assert page == "check" or "&#34;pass&#34;" in answer.text
