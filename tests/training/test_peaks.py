"""The RAM that a plan predicts is the RAM that a training step paints."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph
from edge.target import load_target
from edge.toolchains import sizes
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.plan_file import static_ram
from edge.training.planning import plan_step
from edge.training.scheme import UpdateScheme
from edge.training.scores import fisher_scores, scheme_of, table
from edge.training.selection import Budget, select
from tests.training.networks import NETWORKS
from tests.training.test_programs import program, run, samples

TARGET = "cortex-m7"
WORD = 4
ALIGNMENT = 16
"""Of the arena; what the linker leaves free before it is not predicted."""


def _slices(graph: Graph) -> UpdateScheme:
    """What a user may ask for: some biases, and a part of the weights of two layers."""
    layers = [node.name for node in scheme.weighted_layers(graph)]
    return UpdateScheme(frozenset(layers[1:]), {layers[-2]: 2, layers[-1]: 3})


def _auto(graph: Graph) -> UpdateScheme:
    """What Fisher scores find most useful in half of the bytes that everything takes."""
    x = np.random.default_rng(0).integers(-128, 128, (4, *graph.type("x").shape)).astype(np.int8)
    scores = fisher_scores(graph, zip(x, range(4), strict=True))
    choices = table(graph, scores.gains(graph))
    most = choices.biases[-1].bytes + sum(c[-1].bytes for c in choices.weights.values())
    return scheme_of(graph, select(choices, Budget(most // 2)))


SCHEMES: dict[str, Callable[[Graph], UpdateScheme]] = {
    "bias-only": scheme.bias_only,
    "last-1": lambda graph: scheme.last_layers(graph, 1),
    "last-2": lambda graph: scheme.last_layers(graph, 2),
    "full": scheme.full,
    "slices": _slices,
    "auto": _auto,
}


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
@pytest.mark.parametrize("chosen", SCHEMES)
@pytest.mark.parametrize("name", ["bottleneck", "gated", "pools"])
def test_the_painted_peak_is_the_predicted_one(name: str, chosen: str, tmp_path: Path) -> None:
    """Tensors take whole words: up to 3 bytes behind the last one are never written."""
    graph = NETWORKS[name]()
    step = differentiate(graph, SCHEMES[chosen](graph))
    plan = plan_step(step, load_target(TARGET))
    built = program(step, TARGET, tmp_path / "net")
    painted = run(built, samples(graph, [1])).arena_watermark
    assert painted is not None
    assert -(-painted // WORD) * WORD == plan.arena
    assert 0 <= sizes(built).static_ram - static_ram(plan) < ALIGNMENT
