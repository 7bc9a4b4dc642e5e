"""Logging, configured once by the application and never by a library.

Events are named `noun.past-tense` and carry domain facts by id; a token of a person never goes into a log.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

LogFormat = Literal["json", "pretty"]

LIBRDKAFKA = "librdkafka"
"""The logger of Kafka's own library: what it warns of it tries again by itself."""


PROVIDERS = ("apprise", "authlib", "httpcore", "httpx", "notifications_python_client", "urllib3")
"""Loggers of libraries that speak to others: what they tell beneath a warning holds addresses, and secrets in them."""


def configure_logs(form: LogFormat = "json", level: str = "INFO") -> None:
    """Send every log line of the process to standard error, as JSON or for people, with UTC times.

    `level` is a standard library level name; an unknown one raises `KeyError`. Of what libraries say only warnings are
    told, of librdkafka errors, unless it is DEBUG; and of those that speak to providers then neither.
    """
    least = logging.getLevelNamesMapping()[level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        # Plain tracebacks: one that shows the variables of each frame would show tokens.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library: the same lines, the same place.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    is_debugging = least <= logging.DEBUG
    root.setLevel(least if is_debugging else max(least, logging.WARNING))
    for name in PROVIDERS:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    logging.getLogger(LIBRDKAFKA).setLevel(least if is_debugging else max(least, logging.ERROR))
