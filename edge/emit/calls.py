"""The statements of <model>_invoke: a call for a plain layer, a loop over rows for operators in
lock step, a list of turns for any other stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.emit.c_text import ConstArray
from edge.emit.layers import Layer, address, row_bytes
from edge.ir import Graph
from edge.planning.calls import calls
from edge.planning.plan import Plan, Stage, Step
from edge.planning.rows import bytes_made


def kernel_symbol(kernel: str) -> str:
    """ref/conv2d_s8 -> edge_ref_conv2d_s8."""
    return f"edge_{kernel.replace('/', '_')}"


@dataclass(frozen=True, eq=False)
class Turns:
    """The tables of a stage for edge_stage_run: edge_step initializers and whose turn it is."""

    name: str
    steps: tuple[str, ...]
    order: ConstArray
    descending: bool

    @property
    def tasks(self) -> int:
        return self.order.data.size


@dataclass(frozen=True, eq=False)
class StageCode:
    """The C of one stage: tables, if it needs any, and the lines that run it."""

    lines: tuple[str, ...]
    turns: Turns | None = None


def stage_code(graph: Graph, plan: Plan, index: int, layers: Sequence[Layer]) -> StageCode:
    """The C of stage `index`, whose operators are `layers`."""
    stage = plan.stages[index]
    called = [layer for layer in layers if layer.struct]
    if len(called) < len(layers) and not called:
        return StageCode((f"/* {layers[0].symbol}: the same bytes under another shape */",))
    if len(stage.steps) == 1 and called:
        return StageCode((_plain(graph, plan, stage, called[0], _scratch(plan, index)),))
    if _is_lock_step(stage):
        return StageCode(tuple(_lock_step(graph, plan, index, called)))
    turns = _turns(graph, plan, index, called)
    run = f"edge_stage_run(&{turns.name}, 0, (int16_t[{len(turns.steps)}]){{0}});"
    return StageCode((run,), turns)


def _scratch(plan: Plan, index: int) -> str:
    offset = plan.scratch_offsets.get(index)
    return "NULL" if offset is None else f"ARENA + {offset}"


def _plain(graph: Graph, plan: Plan, stage: Stage, layer: Layer, scratch: str) -> str:
    kernel, rows, made = kernel_symbol(layer.step.kernel), layer.step.rows, layer.node.output
    reads, out = f"&{layer.symbol}, {layer.symbol}_in", address(plan, made)
    if rows == 1:
        return f"{kernel}({reads}, 0, {out}, {scratch});"
    walk = "edge_up" if stage.descending else "edge_down"
    step = row_bytes(graph, made, rows)
    return f"{walk}({kernel}, {reads}, {rows}, {out}, {step}, {scratch});"


def _is_lock_step(stage: Stage) -> bool:
    """Whether each step makes row y from row y of the one before, kept as a ring of one row."""
    plain = all(step.kernel != "input" and not step.sums for step in stage.steps)
    rows = {step.rows for step in stage.steps}
    return plain and len(rows) == 1 and set(stage.rings.values()) == {1}


def _lock_step(graph: Graph, plan: Plan, index: int, layers: Sequence[Layer]) -> Iterator[str]:
    stage, rows = plan.stages[index], layers[-1].step.rows
    head = f"y = {rows - 1}; y >= 0; --y" if stage.descending else f"y = 0; y < {rows}; ++y"
    yield f"for (int32_t {head}) {{"
    for layer in layers:
        made = layer.node.output
        out = address(plan, made)
        if made not in stage.rings:
            out += f" + y * {row_bytes(graph, made, rows)}"
        call = f"{kernel_symbol(layer.step.kernel)}(&{layer.symbol}, {layer.symbol}_in, y"
        yield f"    {call}, {out}, {_scratch(plan, index)});"
    yield "}"


def _turns(graph: Graph, plan: Plan, index: int, layers: Sequence[Layer]) -> Turns:
    stage, name = plan.stages[index], f"edge_stage{index}"
    place = {step: i for i, step in enumerate(stage.steps)}
    order = np.array([place[step] for step, _ in calls(graph, stage)], np.uint8)
    called = {layer.step: _called(graph, plan, index, layer) for layer in layers}
    steps = (called.get(step) or _given(graph, plan, stage, step) for step in stage.steps)
    return Turns(name, tuple(steps), ConstArray(f"{name}_order", order), stage.descending)


def _called(graph: Graph, plan: Plan, index: int, layer: Layer) -> str:
    step, made = layer.step, layer.node.output
    low, high = bytes_made(graph, layer.node, 0, step.rows)
    reads = f"{kernel_symbol(step.kernel)}, &{layer.symbol}, {layer.symbol}_in"
    ring = plan.stages[index].rings.get(made, step.rows)
    scratch = _scratch(plan, index) if step.scratch else "NULL"
    if step.sums:
        scratch = f"ARENA + {plan.sums[step.node]}"
    return f"{reads}, {address(plan, made)}, {high - low}, {ring}, {step.rows}, {scratch}"


def _given(graph: Graph, plan: Plan, stage: Stage, step: Step) -> str:
    ring = stage.rings.get(step.node, step.rows)
    size = row_bytes(graph, step.node, step.rows)
    return f"NULL, NULL, NULL, {address(plan, step.node)}, {size}, {ring}, {step.rows}, NULL"
