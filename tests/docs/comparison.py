"""Whether what a fence printed is what the page shows: times, versions and places are masked."""

from __future__ import annotations

import math
import re
import sys

from tests.docs.pages import Fence

_PERCENT = 5.0
_MASKS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "a digest"),
    (re.compile(r"\d[\d.,]* ?(ms|us|s)\b"), r"# \1"),
    (re.compile(r"/tmp/[\w./-]+"), "/tmp/..."),
)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def shown(output: str, fence: Fence, folder: str) -> list[str]:
    """The lines of an output as a page shows them: no trailing blanks, no place on this machine."""
    general = output.replace(folder, "/tmp/pages").replace(sys.prefix, ".venv")
    lines = [line.rstrip() for line in general.strip("\n").split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines[: int(fence.flags["head"])] if "head" in fence.flags else lines


def same(expected: list[str], actual: list[str], approx: str | None) -> bool:
    """Whether two outputs agree after masking; `approx` per cent, or 5, may numbers differ."""
    one, other = _masked(expected), _masked(actual)
    if approx is None:
        return one == other
    if _words(one) != _words(other):
        return False
    share = float(approx or _PERCENT) / 100
    return all(_close(a, b, share) for a, b in zip(_numbers(one), _numbers(other), strict=True))


def _masked(lines: list[str]) -> str:
    text = "\n".join(lines)
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


def _words(text: str) -> list[str]:
    """All but the numbers; how wide a column is depends on them."""
    return re.sub(r"[─\s]+", " ", _NUMBER.sub("#", text)).split()


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


def _close(a: float, b: float, share: float) -> bool:
    return math.isclose(a, b, rel_tol=share, abs_tol=share)
