"""What decoding costs: the 600-byte task request with all rules on, and messages full of errors.

    python benchmarks/decode.py [--json]

The time is the processor's, so that waiting for others' turns does not count; what they do to the
caches does. The median of many short rounds is told, and the quickest beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable
from statistics import median
from time import thread_time
from typing import Any

import orjson

from messages import (
    SHIPPED_PAYLOADS,
    Catalog,
    InvalidMessage,
    SecurityLevel,
    ValidationContext,
)
from messages.strictness import refuse_unfit

ROUNDS = 60
CONTEXT = ValidationContext(SecurityLevel.PUBLIC)
CATALOG = Catalog(SHIPPED_PAYLOADS)

AGENT = {
    "agent_id": "asker",
    "role": "worker",
    "capabilities": ["task_execution"],
    "load_factor": 0.25,
}
TASK = {
    "envelope_id": "0706b91e-02bf-45e7-aa6f-e10e08dccf69",
    "message_type": "task_request",
    "correlation_id": "3072f6c3-264e-4ee5-a94c-3fa587c1cd2b",
    "reply_to": "agent://asker/answers",
    "ttl": 300,
    "source_agent": AGENT,
    "version": "1.0.0",
    "timestamp": "2026-01-31T12:00:00.123456Z",
    "payload": {
        "message_type": "task_request",
        "request": {
            "task_id": "5bc9d270-7724-4eb3-9fdd-36d4d3898a00",
            "task_type": "echo",
            "priority": 5,
            "budget": "25.00",
            "parameters": {"text": "Slow is smooth, and smooth is fast.", "numbers": [1, 2.5]},
        },
        "execution_context": {},
    },
}


def around(payload: dict[str, Any], agent: dict[str, Any] | None = None) -> bytes:
    """Return a message around a payload."""
    return orjson.dumps(
        {
            "message_type": payload["message_type"],
            "source_agent": agent or AGENT,
            "payload": payload,
        }
    )


def batch(entry: object) -> bytes:
    """Return a batch of 50,000 entries."""
    head = {"message_type": "batch", "batch_id": 1, "count": 50_000}
    return around(head | {"messages": [entry] * 50_000})


GOOD = {
    "compact": orjson.dumps(TASK),
    "with spaces, as Python writes it": json.dumps(TASK).encode(),
    "indented": json.dumps(TASK, indent=2).encode(),
    "with escapes": orjson.dumps(TASK).replace(b"Slow", b"\\u0053low"),
}
BAD = {
    "50,000 numbers in a batch": batch(1111),
    "50,000 texts in a batch": batch("xx"),
    "50,000 numbers as capabilities": around(
        TASK["payload"], AGENT | {"capabilities": [1111] * 50_000}
    ),
    "20,000 bad figures": around(
        {
            "message_type": "heartbeat",
            "agent_status": AGENT,
            "metrics": {f"k{number}": "x" for number in range(20_000)},
        }
    ),
    "20,000 unknown keys": orjson.dumps(TASK | {f"k{number}": 1 for number in range(20_000)}),
}


def rounds(work: Callable[[], object], *, times: int, most: int) -> tuple[float, float]:
    """Return the median and the least seconds of one go."""
    taken = []
    for _ in range(most):
        began = thread_time()
        for _ in range(times):
            work()
        taken.append((thread_time() - began) / times)
    return median(taken), min(taken)


def good() -> list[dict[str, Any]]:
    """Measure good messages, in microseconds."""
    lines = []
    for name, body in GOOD.items():
        for what, work in (
            ("decode", lambda body=body: CATALOG.decode(body, context=CONTEXT)),
            ("of it: bytes proved", lambda body=body: refuse_unfit(body)),
        ):
            middle, least = rounds(work, times=400, most=ROUNDS)
            lines.append(
                {
                    "what": what,
                    "message": name,
                    "bytes": len(body),
                    "median_us": round(middle * 1e6, 2),
                    "least_us": round(least * 1e6, 2),
                }
            )
    return lines


def bad() -> list[dict[str, Any]]:
    """Measure messages full of errors, in milliseconds."""
    lines = []
    for name, body in BAD.items():
        told: list[InvalidMessage] = []

        def refused(body: bytes = body, told: list[InvalidMessage] = told) -> None:
            try:
                CATALOG.decode(body, context=CONTEXT)
            except InvalidMessage as invalid:
                told[:] = [invalid]

        middle, least = rounds(refused, times=1, most=15)
        lines.append(
            {
                "what": "refuse",
                "message": name,
                "bytes": len(body),
                "errors": told[0].error_count,
                "told_bytes": len(orjson.dumps([one._asdict() for one in told[0].errors])),
                "median_ms": round(middle * 1e3, 1),
                "least_ms": round(least * 1e3, 1),
            }
        )
    return lines


def main() -> int:
    """Measure and print."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # as a worker has it
    parser = argparse.ArgumentParser(description="What decoding costs.")
    parser.add_argument("--json", action="store_true", help="one line a measurement")
    lines = [*good(), *bad()]
    if parser.parse_args().json:
        for line in lines:
            print(json.dumps(line))
        return 0
    for line in lines:
        if "median_us" in line:
            figures = f"{line['median_us']:8.2f} µs (least {line['least_us']:.2f})"
        else:
            figures = (
                f"{line['median_ms']:8.1f} ms (least {line['least_ms']:.1f}), "
                f"{line['errors']} errors in {line['told_bytes']} bytes"
            )
        print(f"{line['what']:20} {line['message']:34} {line['bytes']:7} bytes {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
