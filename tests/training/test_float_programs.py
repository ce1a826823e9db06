"""Float gradients: generated C trains as numpy does, bit for bit, on every kind of machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.planning import plan_step
from edge.training.tape import Settings
from tests.training.networks import NETWORKS, bottleneck, clamped, image
from tests.training.test_blocks import pruned, step_of
from tests.training.test_programs import assert_equal, program, run, samples, trapped_outputs

RATE = 1e-2

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")


def float_step(graph: Graph, **settings: object) -> Step:
    how = Settings(**{"learning_rate": RATE, "gradients": "float32", **settings})
    return differentiate(graph, scheme.full(graph), how)


@needs_gcc
@pytest.mark.parametrize("name", NETWORKS)
def test_every_operator_trains_as_numpy_does(name: str, tmp_path: Path) -> None:
    step = float_step(NETWORKS[name]())
    inputs = samples(step.graph, [1, 3, -1])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@needs_gcc
def test_largest_channels_and_stochastic_rounding(tmp_path: Path) -> None:
    step = float_step(clamped(), gradient_share=0.5, weights="stochastic", seed=3)
    inputs = samples(step.graph, [2, 0, -1])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@needs_gcc
def test_a_rate_that_saturates_everything(tmp_path: Path) -> None:
    step = float_step(bottleneck(), learning_rate=1e6)
    inputs = samples(step.graph, [1, 3, -1])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@needs_gcc
def test_squared_errors(tmp_path: Path) -> None:
    step = float_step(bottleneck(), loss="squared_error")
    targets = np.random.default_rng(0).integers(-50, 50, (2, 1, 5)).astype(np.int8)
    inputs = [np.stack([image(step.graph, i) for i in range(2)]), targets]
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@needs_gcc
@pytest.mark.parametrize("masks", ["fixed", "dynamic"])
def test_live_blocks(masks: str, tmp_path: Path) -> None:
    step = step_of(pruned(), masks=masks, gradients="float32")
    inputs = samples(step.graph, [1, 2, -1])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


TARGETS = [
    pytest.param("cortex-m4", marks=pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm")),
    pytest.param("cortex-m55", marks=pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm")),
    pytest.param("aarch64", marks=pytest.mark.skipif(
        not shutil.which("qemu-aarch64"), reason="needs apt-get install qemu-user")),
    "wasm32",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_targets_train_as_numpy_does(target: str, tmp_path: Path) -> None:
    """Compilers may vectorize, not reorder."""
    step = float_step(bottleneck())
    inputs = samples(step.graph, [1, 2, 0])
    result = run(program(step, target, tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)
    if result.arena_watermark is not None:
        arena = plan_step(step, load_target(target)).arena
        assert arena - 4 < result.arena_watermark <= arena
