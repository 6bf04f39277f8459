"""The log: one line an event on standard error, JSON unless a person is watching."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


class _Stderr:
    """Standard error that loses lines rather than raise: whoever read them may be gone, and calls go on."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logs() -> None:
    """Set up structlog for this process. Values are escaped by the renderers, so no text can forge a line."""
    person = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=True) if person else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
