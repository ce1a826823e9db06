"""Buffers that a module updates in forward: where they are used says how they are best stored."""

from __future__ import annotations

from typing import Any

from torch.export import ExportedProgram
from torch.fx import Node as TorchNode

from edge.errors import Diagnostic
from edge.frontends.torch_export.diagnostics import ARGUMENT
from edge.frontends.torch_export.location import location
from edge.frontends.torch_export.operands import N1LC, Layout, default_layout

_WINDOWS = ("aten.cat.default", "aten.slice.Tensor", "aten.clone.default", "aten.narrow.default")
_SEQUENCES = ("aten.conv1d.default", "aten.avg_pool1d.default", "aten.max_pool1d.default")
_COPY = "aten.copy_.default"


def buffer_layout(program: ExportedProgram, name: str, rank: int) -> Layout:
    """How the buffer of a placeholder is stored: channels last if it goes into a convolution.

    Of rank 3 that shows only at its readers, windows in between.
    """
    if rank != 3:
        return default_layout(rank)
    seen: set[TorchNode] = set()
    waiting = [node for node in program.graph.nodes if node.name == name]
    while waiting:
        node = waiting.pop()
        if str(node.target) in _SEQUENCES:
            return N1LC
        if node not in seen and (node.op == "placeholder" or str(node.target) in _WINDOWS):
            waiting += node.users
        seen.add(node)
    return default_layout(rank)


def reshaped_buffers(program: ExportedProgram) -> list[Diagnostic]:
    """Assignments to buffers of another shape, which torch refuses without saying where."""
    return [
        Diagnostic(
            ARGUMENT,
            f"the state {node.args[0]} changes its shape from {old} to {new}",
            location(node),
            help=("keep a window of a fixed length: drop the oldest values",),
        )
        for node in program.graph.nodes
        if str(node.target) == _COPY
        for old, new in [(_shape(node.args[0]), _shape(node.args[1]))]
        if not _fits(new, old)
    ]


def _shape(node: Any) -> list[int]:
    value = node.meta.get("val") if isinstance(node, TorchNode) else None
    return list(value.shape) if value is not None else []


def _fits(source: list[int], target: list[int]) -> bool:
    """Whether torch can copy one shape to the other, repeating it."""
    pairs = zip(reversed(source), reversed(target), strict=False)
    return len(source) <= len(target) and all(m in (1, n) for m, n in pairs)
