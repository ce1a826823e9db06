"""Patterns by their names, as the command line takes them."""

from __future__ import annotations

import re

from edge.errors import EdgeError, fail
from edge.sparsity.patterns import (
    NM,
    PATTERN,
    Block,
    Channel,
    KernelPattern,
    Pattern,
    Unstructured,
)
from edge.sparsity.variable_nm import VariableNM

_NAMED: dict[str, Pattern] = {
    "unstructured": Unstructured(),
    "kernel": KernelPattern(),
    "channel": Channel(),
    "variable": VariableNM(),
}
_NUMBER = r"(\d{1,3})"
_FORMS = (
    "AxB: blocks of A output channels by B inputs, such as 1x4, 4x4, 2x16",
    "N:M: N of M consecutive inputs kept, such as 2:4; N:MxR: the same ones by R outputs, as 2:4x4",
    "variable: of 16 consecutive inputs 0, 2, 4, 8 or 16 kept",
    "kernelxR: kernel patterns shared by R outputs, such as kernelx16",
    *(name for name in _NAMED if name != "variable"),
)


def parse_pattern(text: str) -> Pattern:
    """The pattern of a text: "unstructured", "1x4", "2:4", "2:4x4", "kernelx16" or "channel".

    Raises EdgeError E0041 for anything else.
    """
    named = _NAMED.get(text.strip().lower())
    if named is not None:
        return named
    return _numbered(text)


def _numbered(text: str) -> Pattern:
    block = re.fullmatch(rf"{_NUMBER}x{_NUMBER}", text.strip())
    if block is not None:
        out, into = int(block[1]), int(block[2])
        if min(out, into) >= 1:
            return Block(out, into) if (out, into) != (1, 1) else Unstructured()
    kept = re.fullmatch(rf"{_NUMBER}:{_NUMBER}(?:x{_NUMBER})?", text.strip())
    if kept is not None:
        n, m, rows = (int(number) for number in kept.groups("1"))
        if 0 < n < m and rows > 0:
            return NM(n, m, rows)
    kernels = re.fullmatch(rf"kernelx{_NUMBER}", text.strip().lower())
    if kernels is not None and int(kernels[1]) > 0:
        return KernelPattern(rows=int(kernels[1]))
    raise _unknown(text)


def _unknown(text: str) -> EdgeError:
    return fail(PATTERN, f"unknown sparsity pattern {text!r}", help=list(_FORMS))
