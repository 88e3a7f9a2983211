"""What a package of processors imports; free of the broker, and quick to import."""

# As type checkers know it, without the milliseconds that `typing` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from workers.context import Context
    from workers.registration import RegistrationError
    from workers.registry import Registry
    from workers.retry_policy import RetryPolicy
    from workers.verdicts import Reject, Retry

__all__ = ["Context", "RegistrationError", "Registry", "Reject", "Retry", "RetryPolicy"]

_HOMES = {
    "Context": "workers.context",
    "RegistrationError": "workers.registration",
    "Registry": "workers.registry",
    "Reject": "workers.verdicts",
    "Retry": "workers.verdicts",
    "RetryPolicy": "workers.retry_policy",
}


def __getattr__(name: str) -> object:
    """Import a name when it is first asked for, so that `leveret --help` does not wait for it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'workers' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only when needed

    return getattr(import_module(home), name)
