"""Where the data folders (runtime, codegen, targets) are, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the data folders inside the package; in a checkout they sit beside it.
ROOT = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent


def path(relative: str) -> Path:
    """A data file or folder. Raises FileNotFoundError if the installation lacks it."""
    found = ROOT / relative
    if not found.exists():
        raise FileNotFoundError(f"edge install is incomplete: {relative} not found under {ROOT}")
    return found
