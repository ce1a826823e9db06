"""Whether a plan fits a target's memory, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from edge.errors import Diagnostic, EdgeError
from edge.ir import Graph
from edge.planning.fusing import LONGEST
from edge.planning.kernels import ALIAS, INPUT
from edge.planning.occupancy import Resident, occupancy, occupied
from edge.planning.plan import Plan

_CODE_BYTES = 1024
"""Thumb-2 code of one kernel, and of start-up plus generated calls, as the estimate counts them."""

_FILTERS = ("conv2d", "depthwise_conv2d", "linear")
_CHANNEL_BYTES = 5
"""Multiplier and shift of one output channel of these operators."""


class Region(Protocol):
    """A memory region of a target."""

    @property
    def length(self) -> int: ...


class MemoryTarget(Protocol):
    """What the fit check needs to know of a target; a region is None where there is no budget."""

    @property
    def name(self) -> str: ...

    @property
    def sram(self) -> Region | None: ...

    @property
    def flash(self) -> Region | None: ...

    @property
    def stack(self) -> int: ...


def arena_budget(target: MemoryTarget, streamed: bool) -> int | None:
    """Bytes that the target's SRAM has for the arena, None if there is no limit."""
    beside = target.stack + (_MOST_STATE if streamed else 0)
    return target.sram.length - beside if target.sram else None


_MOST_STATE = 4 + 2 * (LONGEST + 2)


def _state_bytes(plan: Plan) -> int:
    """How far a streamed input is, which lies beside the arena: a task, and rows by operator."""
    steps = len(plan.stages[0].steps)
    return 4 + 2 * (steps + steps % 2) if plan.input_rows else 0


def _flag_bytes(graph: Graph) -> int:
    """Whether states were set, a byte beside the arena."""
    return 4 if graph.states else 0


def memory(graph: Graph, plan: Plan, target: MemoryTarget) -> dict[str, int]:
    """Predicted memory in bytes; a budget of 0 stands for none.

    `sram_needed` is the arena, the stack reserved by the target and, for a streamed input, how far
    it is; `flash_needed` is an estimate: constants as they are stored, without padding and packing,
    and code by the number of kernels.
    """
    scratch = (max(step.scratch for step in stage.steps) for stage in plan.stages)
    weights = _constant_bytes(graph)
    return {
        "arena": plan.arena,
        "scratch": max(scratch, default=0),
        "weights": weights,
        "trainable": 0,
        "sram_needed": plan.arena + target.stack + _state_bytes(plan) + _flag_bytes(graph),
        "sram_budget": target.sram.length if target.sram else 0,
        "flash_needed": weights + _CODE_BYTES * (1 + len(_kernels(plan))),
        "flash_budget": target.flash.length if target.flash else 0,
    }


def check_fit(graph: Graph, plan: Plan, target: MemoryTarget) -> dict[str, int]:
    """The predicted memory, see `memory`. Raises EdgeError E0301 (SRAM) or E0302 (flash)."""
    sizes = memory(graph, plan, target)
    problems = [*_sram(graph, plan, target, sizes), *_flash(graph, target, sizes)]
    if problems:
        raise EdgeError(*problems)
    return sizes


def _constant_bytes(graph: Graph) -> int:
    """Constants that nodes read, and the multipliers of the channels they make."""
    read = {name for node in graph.nodes for name in node.inputs if name}
    stored = sum(graph.type(name).nbytes for name in read if graph.is_constant(name))
    filters = (node for node in graph.nodes if node.op in _FILTERS)
    stored += sum(state.initial.nbytes for state in graph.states)
    return stored + sum(_CHANNEL_BYTES * graph.type(n.output).shape[-1] for n in filters)


def _kernels(plan: Plan) -> set[str]:
    return {step.kernel for stage in plan.stages for step in stage.steps} - {ALIAS, INPUT}


def _sram(
    graph: Graph, plan: Plan, target: MemoryTarget, sizes: Mapping[str, int]
) -> Iterator[Diagnostic]:
    needed, budget = sizes["sram_needed"], sizes["sram_budget"]
    if not budget or needed <= budget:
        return
    state = _state_bytes(plan)
    beside = f" + rows seen {state} B" if state else ""
    notes = [f"arena {plan.arena:,} B + stack {target.stack:,} B{beside}"]
    if plan.bound + target.stack > budget:
        notes.append(f"{plan.bound:,} B are live at once: no placement of these layers fits")
    yield Diagnostic(
        "E0301",
        f"model needs {needed:,} B of SRAM; {target.name} has {budget:,} B",
        _peak(graph, plan),
        notes=tuple(notes),
        help=(f"it fits a part with {_round_up(needed)}K: --sram {_round_up(needed)}K",),
    )


def _peak(graph: Graph, plan: Plan) -> str:
    """The fullest stage and what is live there, largest first."""
    stages = occupancy(graph, plan)
    index = max(range(len(stages)), key=lambda i: occupied(stages[i]))
    live = sorted(stages[index], key=lambda resident: -resident.size)
    nodes = " + ".join(step.node for step in plan.stages[index].steps)
    listed = ", ".join(map(_describe, live))
    return f"peak of {occupied(live):,} B at {nodes}: {listed}"


def _describe(resident: Resident) -> str:
    return f"{resident.name} {resident.size:,} B"


def _flash(graph: Graph, target: MemoryTarget, sizes: Mapping[str, int]) -> Iterator[Diagnostic]:
    needed, budget = sizes["flash_needed"], sizes["flash_budget"]
    if not budget or needed <= budget:
        return
    largest = max(
        (value for value in graph.values.values() if value.is_constant),
        key=lambda value: value.type.nbytes,
    )
    code = needed - sizes["weights"]
    yield Diagnostic(
        "E0302",
        f"model needs about {needed:,} B of flash; {target.name} has {budget:,} B",
        f"largest constant: {largest.name}, {largest.type.nbytes:,} B",
        notes=(f"constants {sizes['weights']:,} B + code about {code:,} B",),
        help=(f"it fits a part with {_round_up(needed)}K: --flash {_round_up(needed)}K",),
    )


def _round_up(size: int) -> int:
    """KiB that hold `size` bytes."""
    return -(-size // 1024)
