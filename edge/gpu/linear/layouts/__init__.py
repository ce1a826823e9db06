"""Where the numbers of a packed weight lie: fixed groups, groups of any count, blocks."""

from __future__ import annotations

from edge.errors import fail
from edge.gpu.linear.layouts.blocks import Blocks
from edge.gpu.linear.layouts.fixed import FixedGroups
from edge.gpu.linear.layouts.layout import PACK, Layout, Parts
from edge.gpu.linear.layouts.variable import VariableGroups
from edge.sparsity.patterns import NM, Block, Pattern, Unstructured
from edge.sparsity.variable_nm import VariableNM

__all__ = ["Blocks", "FixedGroups", "Layout", "Parts", "VariableGroups", "layout_of"]


def layout_of(pattern: Pattern) -> Layout:
    """Raises EdgeError E0093 for a pattern that has no packed form."""
    if isinstance(pattern, NM):
        return FixedGroups(pattern)
    if isinstance(pattern, VariableNM):
        return VariableGroups(pattern)
    if isinstance(pattern, Block):
        return Blocks((pattern.out, pattern.into))
    if isinstance(pattern, Unstructured):
        return Blocks((1, 1))
    raise fail(PACK, f"pattern {pattern} has no packed form",
               help=["pack N:M, variable, AxB blocks or unstructured"])  # fmt: skip
