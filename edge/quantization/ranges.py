"""From observed ranges to the quantization of every activation.

Tensors that must share a quantization get the union of their ranges. Scales are raised where the
integer arithmetic has no use for finer steps (numerics: `single` rounding wants multipliers below
1/2, and an add wants operands at most four times coarser than the result).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from edge.errors import Diagnostic
from edge.ir import Graph, Node, Quantization
from edge.quantization.affine import SYMMETRIC_MAX, from_range, is_degenerate
from edge.quantization.constants import WEIGHT_AXIS
from edge.quantization.seven_bits import with_seven_bits
from edge.quantization.sharing import (
    activations,
    complete,
    fixed_quantization,
    links,
    shares_quantization,
)

Range = tuple[float, float]
Warn = Callable[[Diagnostic], None]

# Of an accumulator, just below 1/4: the limit of the quickest Cortex-M requantization. A finer
# output scale would resolve less than a quarter of what one weight times one input can make.
LARGEST_MULTIPLIER = 0.2495
LARGEST_ADD_RATIO = 3.99  # operand to result, just below 4


def annotate(
    graph: Graph, ranges: Mapping[str, Range], warn: Warn, activation_bits: int = 8
) -> dict[str, Quantization]:
    """The quantization of each activation, except fixed ones and moves of those.

    With 7 `activation_bits` those that edge.quantization.seven_bits names hold 0..127. `warn`
    receives E0207 for tensors that were zero on all calibration data.
    """
    leaders = groups(graph)
    seven = with_seven_bits(graph, leaders) if activation_bits == 7 else set()
    chosen: dict[str, Quantization] = {}
    for leader, (low, high) in _united(leaders, ranges).items():
        if is_degenerate(low, high):
            warn(_degenerate(graph, leader))
        chosen[leader] = from_range(low, high, seven_bits=leader in seven)
    _raise_scales(graph, leaders, chosen)
    return {name: chosen[leader] for name, leader in leaders.items()}


def groups(graph: Graph) -> dict[str, str]:
    """For each activation, except fixed ones, the first tensor that shares its quantization."""
    fixed = _fixed(graph)
    leaders = {name: name for name in activations(graph) if name not in fixed}
    for names in links(graph):
        if free := [name for name in names if name in leaders]:
            _unite(leaders, free)
    return leaders


def _fixed(graph: Graph) -> dict[str, Quantization]:
    """The quantizations that operators prescribe, also to moves of their outputs and to states."""
    fixed: dict[str, Quantization] = {}
    before = -1
    while len(fixed) > before:
        before = len(fixed)
        for node in graph.nodes:
            moves = shares_quantization(graph, node)
            quantization = _inherited(node, fixed) if moves else fixed_quantization(node)
            fixed |= {node.output: quantization} if quantization else {}
        fixed |= {s.read: fixed[s.written] for s in graph.states if s.written in fixed}
    return fixed


def _inherited(node: Node, fixed: Mapping[str, Quantization]) -> Quantization | None:
    """The fixed quantization that all inputs of a move have; constants have none."""
    of_inputs = {fixed.get(name) for name in node.inputs}
    return of_inputs.pop() if len(of_inputs) == 1 else None


def _unite(leaders: dict[str, str], names: list[str]) -> None:
    joined = {leaders[name] for name in names}
    members = [name for name, leader in leaders.items() if leader in joined]
    leaders.update(dict.fromkeys(members, members[0]))


def _united(leaders: Mapping[str, str], ranges: Mapping[str, Range]) -> dict[str, Range]:
    united: dict[str, Range] = {}
    for name, leader in leaders.items():
        low, high = united.get(leader, ranges[name])
        united[leader] = min(low, ranges[name][0]), max(high, ranges[name][1])
    return united


def _raise_scales(
    graph: Graph, leaders: Mapping[str, str], chosen: dict[str, Quantization]
) -> None:
    """One sweep in execution order; zero points stay, so ranges only grow."""
    for node in graph.nodes:
        leader, least_scale = leaders.get(node.output), _LEAST_SCALE.get(node.op)
        if leader is None or least_scale is None:
            continue
        known = complete(graph, {name: chosen[other] for name, other in leaders.items()})
        least = least_scale(*(_scale(graph, known, name) for name in node.inputs[:2]))
        least = float(np.float32(least))
        if chosen[leader].scale[0] < least:
            chosen[leader] = replace(chosen[leader], scale=(least,))


def _scale(graph: Graph, known: Mapping[str, Quantization], name: str) -> float:
    """The scale of an activation, or the largest that a constant gets per tensor or channel."""
    if graph.is_constant(name):
        return float(np.abs(graph.constant(name)).max()) / SYMMETRIC_MAX
    return known[name].scale[0]


_LEAST_SCALE: Mapping[str, Callable[[float, float], float]] = {
    **dict.fromkeys(WEIGHT_AXIS, lambda x, weight: x * weight / LARGEST_MULTIPLIER),
    "mul": lambda a, b: a * b / LARGEST_MULTIPLIER,
    "matmul": lambda a, b: a * b / LARGEST_MULTIPLIER,
    "add": lambda a, b: max(a, b) / LARGEST_ADD_RATIO,
    "sub": lambda a, b: max(a, b) / LARGEST_ADD_RATIO,
}


def _degenerate(graph: Graph, name: str) -> Diagnostic:
    node = graph.producers.get(name)
    return Diagnostic(
        "E0207",
        f"{name} is zero on all calibration data; its scale is a guess",
        (node.where or f"{node.op} {node.name}") if node else f"graph input {name}",
        help=("calibrate with data that reaches this tensor",),
        severity="warning",
    )
