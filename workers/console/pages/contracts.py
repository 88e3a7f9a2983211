"""Contracts: every type with its schema and an example; publish one and see the answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import orjson
from starlette.routing import Route

from topology import NameRefused, Names
from workers.answering.reading import not_done
from workers.console.doors.entry import Refused, entry_of
from workers.console.pages.acting import Once, intention, operator
from workers.console.pages.firsts import Firsts
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from messages import FieldError
    from workers.console.asking import Answered, Asking
    from workers.console.contracts import Contract, Contracts
    from workers.console.view import View


class ContractPages:
    """The list and a page for each contract."""

    def __init__(self, view: View, contracts: Contracts, asking: Asking, names: Names) -> None:
        self._view = view
        self._contracts = contracts
        self._asking = asking
        self._names = names
        self._published: Firsts[Answered] = Firsts()

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/contracts", self._first),
            Route("/contracts/{message_type}", self._one, methods=["GET", "POST"]),
            Route("/contracts/{message_type}/{task_type}", self._one, methods=["GET", "POST"]),
        ]

    async def _first(self, request: Request) -> Response:
        return self._page(request, self._contracts.all[0])

    async def _one(self, request: Request) -> Response:
        path = request.path_params
        contract = self._contracts.find(path["message_type"], path.get("task_type", ""))
        if contract is None:
            raise Refused(404, "No contract has that name; the list shows which there are.")
        if request.method != "POST":
            return self._page(request, contract)
        operator(request)
        form = entry_of(request).form
        text = form.get("payload", "")
        named = _form(request, text)
        body, trouble, errors = self._checked(text, contract)
        if trouble and "anyway" not in form:
            return self._page(
                request, contract, status=422, text=text, trouble=trouble, errors=errors
            )
        try:
            answer, again = await self._published.of(named, lambda: self._publish(text, contract))
        except (LinkError, NameRefused) as error:
            return self._page(request, contract, status=503, text=text, trouble=str(error))
        return self._page(
            request, contract, text=text, answer=answer, again=again, sent=body.decode()
        )

    async def _publish(self, text: str, contract: Contract) -> Answered:
        key = self._names.request_key(contract.message_type, contract.task_type or None)
        return await self._asking.ask(
            lambda agent_id: self._body(text, contract, agent_id), key, contract.message_type
        )

    def _checked(self, text: str, contract: Contract) -> tuple[bytes, str, tuple[FieldError, ...]]:
        """Return the whole message, and what is wrong with it."""
        body = self._body(text, contract, "console")
        failure = self._contracts.foreseen(body)
        if failure is None:
            return body, "", ()
        return body, f"{failure.code.value}: {failure.reason}", failure.errors

    def _body(self, text: str, contract: Contract, agent_id: str) -> bytes:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return text.encode("utf-8", "replace")  # sent as it is, it is no message at all
        payload = orjson.Fragment(text)  # what was typed, and not what a parser kept of it
        return self._contracts.envelope(payload, contract.message_type, agent_id=agent_id)

    def _page(
        self, request: Request, contract: Contract, *, status: int = 200, **values: Any
    ) -> Response:
        answer: Answered | None = values.pop("answer", None)
        given: dict[str, Any] = {
            "text": contract.example,
            "trouble": "",
            "errors": (),
            "sent": "",
            "again": False,
        }
        return self._view.page(
            request,
            "contracts.html",
            status=status,
            contracts=self._contracts.all,
            contract=contract,
            schema=json.dumps(contract.schema, indent=2),
            answer=answer,
            once=Once.key(),
            **_read(answer.body if answer else None),
            **given | values,
        )


def _form(request: Request, text: str) -> str:
    """Return what makes a form the same: its key, and the payload, which may be edited after it."""
    return f"{intention(request)} {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def _read(body: bytes | None) -> dict[str, Any]:
    """Return an answer as people read it, and why the message was not done, where it was not."""
    if body is None:
        return {"answer_text": "", "not_done": None}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"answer_text": body.decode("utf-8", "replace"), "not_done": not_done(None)}
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    return {"answer_text": text, "not_done": not_done(document)}
