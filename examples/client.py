"""The agent's view: asks for work, and awaits the answer.

    python -m examples.client --task echo --param text=hi
    python -m examples.client --task data_processing \
        --param dataset=customers.csv --param algorithm=kmeans

It needs aio-pika and this project's models, and no queue of its own: the answers come through
RabbitMQ's direct reply-to. `plain_client` does the same without the models.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, DeliveryError
from pydantic import BaseModel, ValidationError

from messages import (
    SHIPPED_PAYLOADS,
    AgentMetadata,
    AgentRole,
    Catalog,
    Envelope,
    ErrorPayload,
    TaskRequest,
    TaskRequestPayload,
    TaskResponsePayload,
    TaskResult,
    encode,
)
from topology import Names

#: The broker's own address for answers: they come back on the channel that asked.
DIRECT: Final = "amq.rabbitmq.reply-to"
#: Where a broker is looked for if neither the command line nor LEVERET_AMQP_URL names one.
USUAL_URL: Final = "amqp://guest:guest@localhost/"
#: Tasks of this priority and above go to the urgent queue.
URGENT_FROM: Final = 8


class TaskFailedError(Exception):
    """The task could not be done; `error` has the worker's code, reason and details."""

    def __init__(self, error: ErrorPayload) -> None:
        super().__init__(error.error_message)
        self.error = error


class Agent:
    """Asks any number of questions at once over one channel, and gives each its own answer."""

    def __init__(self, exchange: AbstractExchange, names: Names) -> None:
        self._exchange = exchange
        self._names = names
        self._catalog = Catalog(SHIPPED_PAYLOADS)
        self._awaited: dict[str, asyncio.Future[bytes]] = {}
        self._self = AgentMetadata(
            agent_id="example-client",
            role=AgentRole.COORDINATOR,
            capabilities=("coordination", "task_distribution"),
            load_factor=0.0,
        )

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, *, prefix: str = "leveret") -> AsyncIterator[Agent]:
        """Connect, and listen for answers before the first question can be asked."""
        async with await aio_pika.connect(url) as connection:
            # Without on_return_raises a message that no queue takes looks as if it was sent.
            channel = await connection.channel(on_return_raises=True)
            names = Names(prefix)
            agent = cls(await channel.get_exchange(names.requests), names)
            await agent.listen(channel)
            yield agent

    async def listen(self, channel: AbstractChannel) -> None:
        """Have answers brought on this channel; it must be the one that questions go out on."""
        answers = await channel.get_queue(DIRECT, ensure=False)
        await answers.consume(self._receive, no_ack=True)

    async def ask(self, request: TaskRequest) -> TaskResult:
        """Return the result of a task; put `asyncio.timeout` around it to wait only so long.

        Raises TaskFailedError with the worker's reason, and DeliveryError where no queue takes the
        message: the worker's topology is not there, or it does not serve this type.
        """
        answer = self._catalog.decode(await self._answer_to(request)).payload
        match answer:
            case TaskResponsePayload():
                return answer.response
            case ErrorPayload():
                raise TaskFailedError(answer)
            case _:
                raise TypeError(f"a task was answered with {answer.message_type_name()}")

    async def _answer_to(self, request: TaskRequest) -> bytes:
        payload = TaskRequestPayload(request=request, execution_context={})
        envelope = Envelope(
            message_type=payload.message_type_name(),
            payload=payload,
            source_agent=self._self,
        )
        urgent = request.priority >= URGENT_FROM
        key = self._names.request_key(envelope.message_type, request.task_type, urgent=urgent)
        # An answer carries the envelope id of the question that had no correlation id of its own.
        question = str(envelope.envelope_id)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited[question] = answer
        try:
            await self._exchange.publish(
                aio_pika.Message(
                    encode(envelope),
                    content_type="application/json",
                    correlation_id=question,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    # Only here: the broker makes this property an address of this channel's own.
                    reply_to=DIRECT,
                ),
                routing_key=key,
            )
            return await answer
        finally:
            del self._awaited[question]

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        answer = self._awaited.get(message.correlation_id or "")
        # None or done: an answer that nobody waits for any more, or the second one of a task that
        # was done twice. Both are normal where nothing is lost.
        if answer is not None and not answer.done():
            answer.set_result(message.body)


def parameter(written: str) -> tuple[str, Any]:
    """Return a parameter written as `name=value`: a value that is JSON as such, else as text."""
    name, separator, value = written.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{written!r} is no parameter: write name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


async def ask_once(options: argparse.Namespace) -> int:
    """Ask one question, print the answer as JSON, and return the exit code."""
    try:
        request = TaskRequest(
            task_type=options.task,
            priority=options.priority,
            budget=options.budget,
            parameters=dict(options.param),
        )
        async with (
            asyncio.timeout(options.timeout),
            Agent.connected(options.amqp_url, prefix=options.prefix) as agent,
        ):
            result = await agent.ask(request)
    except ValidationError as misfit:
        reasons = "; ".join(error["msg"] for error in misfit.errors())
        return _complain(f"no worker would take that task: {reasons}", code=2)
    except TaskFailedError as failed:
        return _print(failed.error, code=1)
    except (DeliveryError, ChannelNotFoundEntity):
        return _complain("no queue takes that task: is a worker's topology there?", code=1)
    except TimeoutError:
        return _complain(f"no answer within {options.timeout} s: does a worker run?", code=1)
    except (AMQPError, OSError) as error:
        return _complain(f"no broker to ask ({type(error).__name__}): see --amqp-url", code=4)
    return _print(result, code=0)


def _print(answer: BaseModel, *, code: int) -> int:
    sys.stdout.write(f"{answer.model_dump_json(indent=2)}\n")
    return code


def _complain(text: str, *, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def options_from(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description="Ask a worker to do a task, and print its answer.")
    parser.add_argument("--task", required=True, help="the task type, such as echo")
    parser.add_argument(
        "--param", action="append", default=[], type=parameter, metavar="NAME=VALUE"
    )
    parser.add_argument("--priority", type=int, default=5, help="1 to 10; from 8 on it is urgent")
    parser.add_argument("--budget", default="0", help="an urgent task needs 1000 or more")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait")
    parser.add_argument("--amqp-url", default=os.environ.get("LEVERET_AMQP_URL", USUAL_URL))
    parser.add_argument("--prefix", default="leveret", help="what the worker's names begin with")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # The libraries would tell of a refused connection too; here it is told once.
    logging.basicConfig(level=logging.CRITICAL)
    sys.exit(asyncio.run(ask_once(options_from())))
