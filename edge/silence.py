"""Keeps third-party libraries from writing to the user's terminal.

torch and torchao warn about optional extensions and deprecations of their own while they import and
export; none of it concerns the user's model, and stdout and stderr belong to the command.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """No Python warnings and no log records below ERROR inside the block."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
