"""The log: one line an event on standard error, JSON unless a person is watching."""

import logging
import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
