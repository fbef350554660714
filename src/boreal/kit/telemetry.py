"""One field that ties a request to the facts, work and deliveries that it causes, and structured logs that carry it."""

import logging
import secrets
from contextvars import ContextVar

import structlog

_trace: ContextVar[str | None] = ContextVar("trace", default=None)


def current_trace() -> str | None:
    """The trace of what runs now, or None outside of any."""
    return _trace.get()


def begin_trace(trace: str | None = None) -> str:
    """Starts a trace, or goes on with one that a row of work carries, in the current task."""
    chosen = trace or secrets.token_hex(8)
    _trace.set(chosen)
    return chosen


def _with_trace(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    trace = _trace.get()
    if trace is not None:
        event["trace"] = trace
    return event


def configure_logs(*, level: str, json: bool) -> None:
    """Sets up structlog for the process: one line per event, JSON for machines or plain for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            _with_trace,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
