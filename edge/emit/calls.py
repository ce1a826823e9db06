"""The statements of <model>_invoke: a call for a plain layer, a loop over rows for a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.emit.layers import Layer, address, row_bytes
from edge.ir import Graph
from edge.planning.plan import Plan, Stage


def kernel_symbol(kernel: str) -> str:
    """ref/conv2d_s8 -> edge_ref_conv2d_s8."""
    return f"edge_{kernel.replace('/', '_')}"


def stage_lines(graph: Graph, plan: Plan, index: int, layers: Sequence[Layer]) -> list[str]:
    """The C lines of stage `index`, whose steps are `layers`."""
    stage = plan.stages[index]
    offset = plan.scratch_offsets.get(index)
    scratch = "NULL" if offset is None else f"ARENA + {offset}"
    called = [layer for layer in layers if layer.struct]
    if len(called) == 1:
        return [_plain(graph, plan, stage, called[0], scratch)]
    if not called:
        return [f"/* {layers[0].symbol}: the same bytes under another shape */"]
    return list(_lock_step(graph, plan, stage, called, scratch))


def _plain(graph: Graph, plan: Plan, stage: Stage, layer: Layer, scratch: str) -> str:
    kernel, rows, made = kernel_symbol(layer.step.kernel), layer.step.rows, layer.node.output
    reads, out = f"&{layer.symbol}, {layer.symbol}_in", address(plan, made)
    if rows == 1:
        return f"{kernel}({reads}, 0, {out}, {scratch});"
    walk = "edge_up" if stage.descending else "edge_down"
    step = row_bytes(graph, made, rows)
    return f"{walk}({kernel}, {reads}, {rows}, {out}, {step}, {scratch});"


def _lock_step(
    graph: Graph, plan: Plan, stage: Stage, layers: Sequence[Layer], scratch: str
) -> Iterator[str]:
    """Each step makes row y from row y of the step before, which is kept as a ring of one row."""
    rows = layers[-1].step.rows
    if any(layer.step.rows != rows for layer in layers) or set(stage.rings.values()) != {1}:
        raise ValueError(f"stage of {layers[-1].symbol} is not in lock step")
    head = f"y = {rows - 1}; y >= 0; --y" if stage.descending else f"y = 0; y < {rows}; ++y"
    yield f"for (int32_t {head}) {{"
    for layer in layers:
        made = layer.node.output
        out = address(plan, made)
        if made not in stage.rings:
            out += f" + y * {row_bytes(graph, made, rows)}"
        call = f"{kernel_symbol(layer.step.kernel)}(&{layer.symbol}, {layer.symbol}_in, y"
        yield f"    {call}, {out}, {scratch});"
    yield "}"
