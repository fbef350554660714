"""One field that ties a request to the facts, work and deliveries that it causes, and structured logs that carry it.

Everything that a request causes has its `trace`: its line of the log, its rows of `facts` and `work`, and, when a
worker does that work later and elsewhere, the lines that it logs. Logs go to standard error, one line per event (and
the traceback of an error below it, in the format for people), so that what a command prints stays clean.
"""

import logging
import secrets
import sys
from contextvars import ContextVar

import structlog

from boreal.kit.db import is_away

_trace: ContextVar[str | None] = ContextVar("trace", default=None)


def current_trace() -> str | None:
    """The trace of what runs now, or None outside of any."""
    return _trace.get()


def begin_trace(trace: str | None = None) -> str:
    """Starts a trace, or goes on with one that a row of work carries, in the current task."""
    chosen = trace or secrets.token_hex(8)
    _trace.set(chosen)
    return chosen


def with_trace(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Adds the trace of what runs now, unless the line says that it is about another one."""
    trace = event.get("trace") or _trace.get()
    if trace is not None:
        event["trace"] = trace
    return event


def in_short(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Says in one line that the database is away: while it is, everybody meets that, and no traceback tells more."""
    error = event.get("exc_info")
    if isinstance(error, BaseException) and is_away(error):
        del event["exc_info"]
        event["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
    return event


def configure_logs(*, level: str, json: bool) -> None:
    """Sets up the logs of the process, those of the libraries from warnings up included.

    Local variables are never printed, since they may be secrets.
    """
    severity: int = logging.getLevelName(level.upper())
    shared: list[structlog.typing.Processor] = [
        with_trace,
        in_short,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(severity, logging.WARNING), force=True)
