"""Keeps third-party libraries from writing to the user's terminal.

torch and torchao warn about optional extensions and deprecations of their own while they import and
export, and print what they were tracing when they fail. stdout and stderr belong to the command;
what concerns the user's model is in the exception.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def silenced() -> Iterator[None]:
    """No warnings, log records or other Python output inside the block."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        sink = io.StringIO()
        with warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
