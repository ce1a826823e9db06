"""The arenas of known networks: what must be live at once is what is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.frontends.tflite.load import load_tflite
from edge.ir import Graph
from edge.planning import Plan, plan
from edge.reference import run
from edge.target import Target
from tests.planning import nets
from tests.planning.execution import Machine

MODELS = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"

# Layer by layer with overlap and residual joins. The residual join of resnet keeps one row of
# 512 bytes. The others are the figures of a plan that was executed on the device before.
ARENAS = {
    nets.ad: 768,
    nets.kws: 8_640,
    nets.vww: 37_248,
    nets.resnet: 32_768 + 512,
    nets.mobilenet_v2: 111_744,
}

# Bytes of RAM, all in all, that each model may take on a Cortex-M7.
RAM = {
    "ad01_int8": 2_500,
    "kws_ref_model": 11_000,
    "vww_96_int8": 40_000,
    "pretrainedResnet_quant": 35_000,
}
LEAST_STACK = 300  # of a program whose kernels call no others; `edge bench` measures the real one


@pytest.mark.parametrize(("net", "arena"), ARENAS.items(), ids=lambda x: getattr(x, "__name__", x))
def test_arena_is_the_live_bytes(net: Callable[[], Graph], arena: int, portable: Target) -> None:
    made = plan(net(), portable)
    assert (made.arena, made.bound) == (arena, arena)


def test_only_the_join_at_the_peak_is_made(portable: Target) -> None:
    stages = plan(nets.resnet(), portable).stages
    joined = [[step.node for step in stage.steps] for stage in stages if len(stage.steps) > 1]
    assert joined == [["conv2d2", "add3"]]


def test_a_long_run_of_equal_tensors_walks_in_both_directions(portable: Target) -> None:
    """Walking one way only, each output would lie further down: 11,840 bytes for kws."""
    assert any(stage.descending for stage in plan(nets.kws(), portable).stages)


@pytest.mark.parametrize(
    "net", [nets.ad, nets.kws, nets.vww, nets.resnet], ids=lambda f: f.__name__
)
def test_every_row_is_right_when_all_live_in_one_arena(
    net: Callable[[], Graph], portable: Target
) -> None:
    graph = net()
    x = np.random.default_rng(1).integers(-128, 128, graph.type("x0").shape).astype(np.int8)
    Machine(graph, plan(graph, portable)).run({"x0": x}, run(graph, [x], values=True))


@pytest.mark.parametrize("file", RAM)
def test_imported_models_leave_room_for_a_stack(file: str, cortex_m7: Target) -> None:
    path = MODELS / f"{file}.tflite"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    assert plan(load_tflite(path), cortex_m7).arena + LEAST_STACK <= RAM[file]


def test_plans_are_equal_in_every_run(portable: Target) -> None:
    first, second = (plan(nets.mobilenet_v2(), portable) for _ in range(2))
    assert isinstance(first, Plan)
    assert first == second
