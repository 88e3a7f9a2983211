"""Which processor does what: message type or task type → route, checked when it is registered."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, Unpack, overload

from pydantic import BaseModel, TypeAdapter

from messages import SHIPPED_PAYLOADS, Catalog, Payload, TaskRequestPayload, normalize_task_type
from workers.around.check import Check
from workers.executor.named import refuse_hidden
from workers.registration import (
    RegistrationError,
    refuse_no_model,
    refuse_number,
    refuse_undefined,
)
from workers.retry_policy import AS_SET, RetryPolicy
from workers.route import Limits, Options, Process, Route

__all__ = ["Limits", "Process", "RegistrationError", "Registry", "Route"]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from workers.context import Context

    P = TypeVar("P", bound=Payload)
    M = TypeVar("M", bound=BaseModel)
    R = TypeVar("R", bound=Payload | None)
    #: A processor of several payloads at once.
    Batch: TypeAlias = Callable[
        [list[P], Context], Awaitable[Sequence[Payload | Exception | None] | None]
    ]
    T = TypeVar("T", bound=BaseModel | Mapping[str, object] | None)

    Ask = TypeVar("Ask", bound=Callable[[Any], Awaitable[bool]])

#: What a processor may be annotated to return and cannot.
_NO_ANSWERS: Final = frozenset({bool, bytes, float, int, list, set, str, tuple})
#: Limits that are about single messages, and so none of a batch's.
_ALONE: Final = ("concurrency", "rate", "transaction", "executor")


class Registry:
    """Collects processors; a second one for the same type is refused where it is written."""

    def __init__(self) -> None:
        self._payloads: dict[str, type[Payload]] = {}
        self._routes: dict[tuple[str, str], Route] = {}
        self._checks: dict[tuple[str, str], list[Check]] = {}
        self._known: dict[str, Callable[[str], bool]] = {}

    @overload
    def processor(
        self,
        payload: type[P],
        *,
        batch: None = None,
        retry: RetryPolicy = AS_SET,
        **options: Unpack[Options],
    ) -> Callable[[Callable[[P, Context], Awaitable[R]]], Callable[[P, Context], Awaitable[R]]]: ...

    @overload
    def processor(
        self,
        payload: type[P],
        *,
        batch: int,
        time_limit: float | None = None,
        retries: int | None = None,
        retry: RetryPolicy = AS_SET,
    ) -> Callable[[Batch[P]], Batch[P]]: ...

    def processor(
        self,
        payload: type[P],
        *,
        batch: int | None = None,
        retry: RetryPolicy = AS_SET,
        **options: Unpack[Options],
    ) -> Callable[[Any], Any]:
        """Register an async function for every message whose payload is of this type.

        What it returns is sent to the asker: a payload as it is, None as an empty `task_response`.
        `time_limit` in seconds, `rate` in starts per second and worker process, `retries` after the
        first attempt, `retry` which failures get one and when; what is not given is the worker's
        own setting. With `transaction` it writes through `context.transaction`, and that commits
        together with the inbox's mark that the message is done.

        With `executor="process"` it runs in a child process, `concurrency` of them at once (by
        default one for each core), and is killed at its time limit. The child imports the function
        and its model by name; message and result travel to and fro as JSON.

        With `batch=N` it is given a list of up to N payloads, of messages that are with the worker
        at the same time, and the context of the first. It returns None, or a list with one result
        for each; a `Reject` or `Retry` among them is that message's own. What it raises, it raises
        for all; each then comes back alone.
        """
        if batch is not None:
            refuse_number("batch", batch, 1, whole=True)
        if batch is not None and any(options.get(name) for name in _ALONE):
            raise RegistrationError(
                f"batch={batch} is how many payloads come at once: give neither concurrency, rate, "
                "transaction nor executor beside it, which are about single messages",
            )
        if not (isinstance(payload, type) and issubclass(payload, Payload)):
            raise RegistrationError(
                f"a processor is registered for a payload, and {payload!r} is none; write "
                "@registry.processor(Model) with a class that derives from messages.Payload, or "
                '@registry.task("<task type>", parameters=Model) for a task'
            )
        limits = Limits(**options)

        def register(process: Process) -> Process:
            name = payload.message_type_name()
            if payload is TaskRequestPayload:
                raise RegistrationError(
                    'task_request is dispatched by task type; use @registry.task("<task type>", '
                    "parameters=Model) instead of @registry.processor(TaskRequestPayload)",
                )
            self._register_payload(payload)
            self._add(
                Route(
                    name,
                    "",
                    process,
                    limits,
                    result=_result_of(process),
                    retry=retry,
                    batch=batch,
                    model=payload,
                ),
            )
            return process

        return register

    def task(
        self,
        task_type: str,
        *,
        parameters: type[M],
        retry: RetryPolicy = AS_SET,
        **options: Unpack[Options],
    ) -> Callable[[Callable[[M, Context], Awaitable[T]]], Callable[[M, Context], Awaitable[T]]]:
        """Register an async function for one `task_type` of `task_request`.

        It gets the validated parameters; the model or mapping it returns becomes the
        `result_data` of a `task_response`. Limits as for `processor`.
        """
        limits = Limits(**options)
        refuse_no_model(f"parameters= of task type {task_type!r}", parameters)
        name = normalize_task_type(task_type) if isinstance(task_type, str) else None
        if name is None:
            raise RegistrationError(
                f"task type {task_type!r} must be 1-100 letters, digits, '_' or '-'",
            )

        def register(
            process: Callable[[M, Context], Awaitable[T]],
        ) -> Callable[[M, Context], Awaitable[T]]:
            adapter: TypeAdapter[BaseModel] = TypeAdapter(parameters)
            message_type = TaskRequestPayload.message_type_name()
            self._add(
                Route(
                    message_type,
                    name,
                    process,
                    limits,
                    adapter,
                    _result_of(process),
                    retry,
                    model=parameters,
                ),
            )
            return process

        return register

    def check(
        self,
        target: type[Payload] | str,
        field: str,
        *,
        keep: float = 60.0,
        patience: float = 5.0,
        refusal: str = "this is not known where it was asked for",
    ) -> Callable[[Ask], Ask]:
        """Register an async question that is asked before a message is dispatched.

        `target` is a payload or a task type, `field` names the value the function is given. True is
        a yes; False makes the message invalid and tells `refusal`; an exception, or no answer
        within `patience` seconds, means another attempt later. Answers are kept for `keep` seconds.
        """
        refuse_number("keep", keep, 0)
        refuse_number("patience", patience, 0.001)
        if isinstance(target, str):
            key = (TaskRequestPayload.message_type_name(), normalize_task_type(target) or "")
        else:
            key = (target.message_type_name(), "")
            if field.split(".", maxsplit=1)[0] not in target.model_fields:
                raise RegistrationError(
                    f"{target.__qualname__} has no field {field!r} to check; name one it has"
                )

        def register(ask: Ask) -> Ask:
            if not _is_async(ask):
                raise RegistrationError(
                    f"the check {_name(ask)} must be an `async def`: it asks another service; what "
                    "is known here at once goes to registry.know"
                )
            check = Check(field, ask, keep, patience, refusal)
            self._checks.setdefault(key, []).append(check)
            return ask

        return register

    def know(self, kind: str, exists: Callable[[str], bool]) -> None:
        """Say what references of a kind are checked against; it must answer at once.

        For fields such as `Annotated[str, reference("user")]`.
        """
        if not callable(exists) or _is_async(exists):
            raise RegistrationError(
                f"what is known of {kind!r} must be a plain function of a name that answers yes or "
                f"no at once, and {_name(exists)} is not; what has to ask another service is an "
                "@registry.check"
            )
        if self._known.setdefault(kind, exists) is not exists:
            raise RegistrationError(f"what is known of {kind!r} is registered twice; remove one")

    def checks(self, route: Route) -> tuple[Check, ...]:
        """Return what is asked before a message of this route is dispatched."""
        return tuple(self._checks.get((route.message_type, route.task_type), ()))

    @property
    def known(self) -> Mapping[str, Callable[[str], bool]]:
        """What references are checked against, by kind."""
        return MappingProxyType(self._known)

    def include(self, other: Registry) -> None:
        """Take over everything another registry has; a type that both have is refused."""
        for key, checks in other._checks.items():
            self._checks.setdefault(key, []).extend(checks)
        for kind, exists in other._known.items():
            self.know(kind, exists)
        for payload in other._payloads.values():
            self._register_payload(payload)
        for route in other._routes.values():
            self._add(route)

    @classmethod
    def of(cls, registries: Iterable[Registry]) -> Registry:
        """Return one registry with the processors of all; a type that two have is refused.

        So is a check that would never be asked: whoever wrote it counts on it.
        """
        whole = cls()
        for registry in registries:
            whole.include(registry)
        whole._refuse_idle_checks()
        whole._refuse_undefined()
        return whole

    def route(self, message_type: str, task_type: str = "") -> Route | None:
        """Return the route of a type, or None where nothing is registered for it."""
        return self._routes.get((message_type, task_type))

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route, in the order of registration."""
        return tuple(self._routes.values())

    @property
    def task_types(self) -> tuple[str, ...]:
        """Every registered task type, sorted."""
        return tuple(sorted(task for _, task in self._routes if task))

    def catalog(self) -> Catalog:
        """Compile the union of the shipped payloads and those registered here.

        Raises RegistrationError for a model that names a class which is not there.
        """
        self._refuse_undefined()
        shipped = {payload.message_type_name(): payload for payload in SHIPPED_PAYLOADS}
        return Catalog((shipped | self._payloads).values())

    def _refuse_idle_checks(self) -> None:
        for key, checks in self._checks.items():
            route = self._routes.get(key)
            for check in checks:
                what = f"the check {check.name} of {(key[1] or key[0])!r}"
                if route is None:
                    raise RegistrationError(
                        f"{what} would never be asked: no processor is registered for that type; "
                        "register one, or mend the check's name"
                    )
                if check.field.split(".", maxsplit=1)[0] not in route.model.model_fields:
                    raise RegistrationError(
                        f"{what} asks for the field {check.field!r}, which "
                        f"{route.model.__qualname__} has not; name one it has"
                    )

    def _refuse_undefined(self) -> None:
        for route in self._routes.values():
            refuse_undefined(route.model, f"the processor of {route.name}")
            if route.parameters is not None and not route.parameters.pydantic_complete:
                route.parameters.rebuild()  # what it named was not there yet
            refuse_undefined(route.result, f"the answers of {route.name}")

    def _register_payload(self, payload: type[Payload]) -> None:
        name = payload.message_type_name()
        shipped = {known.message_type_name(): known for known in SHIPPED_PAYLOADS}
        known = self._payloads.get(name) or shipped.get(name)
        if known is not None and known is not payload:
            raise RegistrationError(
                f"message type {name!r} is both {known.__module__}.{known.__qualname__} and "
                f"{payload.__module__}.{payload.__qualname__}; rename one of them",
            )
        self._payloads[name] = payload

    def _add(self, route: Route) -> None:
        key = (route.message_type, route.task_type)
        what = f"task type {key[1]!r}" if key[1] else f"message type {key[0]!r}"
        if not inspect.iscoroutinefunction(route.process):
            raise RegistrationError(
                f"the processor of {what} must be an `async def`; got {_name(route.process)}",
            )
        _refuse_misfit(route, what)
        if route.limits.executor:
            refuse_hidden(route.process, f"the processor of {what}")
            refuse_hidden(route.model, f"the model of {what}")
        if key in self._routes:
            raise RegistrationError(
                f"{what} already has the processor {_name(self._routes[key].process)}; "
                f"remove it or {_name(route.process)}",
            )
        self._routes[key] = route


def _refuse_misfit(route: Route, what: str) -> None:
    """Refuse what would fail at each message, where its author sees it."""
    signature = inspect.signature(route.process)
    try:
        signature.bind(None, None)
    except TypeError:
        raise RegistrationError(
            f"the processor of {what} is called with what it is given and the context; write "
            f"`async def {route.process.__name__}(given, context)`, not {signature}",
        ) from None
    if not isinstance(route.retry, RetryPolicy):
        raise RegistrationError(
            f"retry={route.retry!r} is no RetryPolicy; for a number of retries write retries="
        )
    if route.batch is None and route.result in _NO_ANSWERS:
        raise RegistrationError(
            f"the processor of {what} returns {route.result.__name__}; an answer is a payload, a "
            "model, a dict or None",
        )


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asked for what it is, not whether it is
    )


def _name(process: object) -> str:
    return f"{getattr(process, '__module__', '?')}.{getattr(process, '__qualname__', process)}"


def _result_of(process: object) -> type | None:
    try:
        annotation = inspect.get_annotations(process, eval_str=True).get("return")  # type: ignore[arg-type] # any callable has annotations
    except (NameError, TypeError, SyntaxError):  # names that only type checkers see
        return None
    return annotation if isinstance(annotation, type) else None
