"""A pruned network trains around its zeros: they stay, are not stored, and cost no work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import Graph
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.blocks import Places, live_blocks
from edge.training.plan_file import work_of
from edge.training.planning import plan_step
from edge.training.reference import Trainer
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings
from tests.training.networks import TrainNet, image
from tests.training.test_programs import assert_equal, program, run, samples, trapped_outputs

RATE = 1e-2
_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
_board = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)


def pruned(share: float = 0.6, seed: int = 3) -> Graph:
    """Convolutions with strides, padding and a 1x1 kernel; a share of the blocks is 0."""
    net = TrainNet(1, 9, 8, 4, seed=seed)
    net.conv(8, stride=2)
    net.conv(12, kernel=1, activation="relu")
    net.conv(8, kernel=3)
    net.conv(8, kernel=5, stride=2)
    return without_blocks(net.head(), share, seed)


def without_blocks(graph: Graph, share: float, seed: int = 0) -> Graph:
    """The same with random blocks of weights set to 0."""
    rng, values = np.random.default_rng(seed), dict(graph.values)
    for node in scheme.weighted_layers(graph):
        value = values[node.inputs[1]]
        mask = live_blocks(np.ones(value.type.shape)) & True
        mask &= rng.random(mask.shape) >= share
        data = Places.of(mask).spread(Places.of(mask).gather(value.data), value.type.shape)
        values[value.name] = replace(value, data=data)
    return replace(graph, values=values)


def step_of(graph: Graph, **settings: object) -> Step:
    how = Settings(learning_rate=RATE, **{"masks": "fixed", **settings})  # type: ignore[arg-type]
    return differentiate(graph, scheme.full(graph), how)


def test_blocks_come_back() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-9, 10, (6, 3, 2, 12)) * (rng.random((6, 3, 2, 3)) < 0.4).repeat(4, -1)
    places = Places.of(live_blocks(weight))
    np.testing.assert_array_equal(places.spread(places.gather(weight), weight.shape), weight)
    np.testing.assert_array_equal(places.mask(weight.shape), live_blocks(weight))


@pytest.mark.parametrize("gradients", ["int8", "float32"])
def test_training_in_blocks_is_dense_training_with_the_gradient_masked(gradients: str) -> None:
    """Steps of a dense network whose dead weights are set back after each one."""
    graph = pruned()
    sparse = Trainer(step_of(graph, gradients=gradients))
    dense = Trainer(step_of(graph, gradients=gradients, masks="none"))
    layers = {n.name: graph.constant(n.inputs[1]) for n in scheme.weighted_layers(graph)}
    for index in range(5):
        scores = [t.step([image(graph, index)], index % 5) for t in (sparse, dense)]
        np.testing.assert_array_equal(*scores)
        for name, weight in layers.items():
            dead = np.repeat(~live_blocks(weight), 4, -1).reshape(weight.shape)
            dense.states[f"{name}_high"][dead] = 0
            dense.states[f"{name}_low"][dead] = 128
    for name, weight in layers.items():
        places = Places.of(live_blocks(weight))
        for part in ("high", "low"):
            expected = places.gather(dense.states[f"{name}_{part}"])
            np.testing.assert_array_equal(sparse.states[f"{name}_{part}"], expected)


def test_zeros_are_still_zeros_after_a_hundred_steps() -> None:
    graph = pruned()
    trainer = Trainer(step_of(graph, masks="dynamic"))
    for index in range(100):
        trainer.step([image(graph, index % 20)], index % 5)
    for node in scheme.weighted_layers(graph):
        weight, states = graph.constant(node.inputs[1]), trainer.states
        places = Places(states[f"{node.name}_columns"], states[f"{node.name}_counts"])
        trained = places.spread(states[f"{node.name}_high"], weight.shape)
        assert not (live_blocks(trained) & ~live_blocks(weight)).any()
        assert (trained != weight).any()


def test_bytes_and_work_follow_the_live_weights() -> None:
    plans = {}
    for share in (0.0, 0.5, 0.75):
        step = step_of(pruned(share))
        plans[share] = plan_step(step, load_target("host"))
    works = {share: work_of(plan) for share, plan in plans.items()}
    for share in (0.5, 0.75):
        for part in ("forward", "backward"):
            assert works[share][part] < (1 - share + 0.12) * works[0.0][part]
        assert plans[share].trainables < (1 - share + 0.2) * plans[0.0].trainables


@_gcc
@pytest.mark.parametrize(
    "settings",
    [{}, {"masks": "dynamic", "gradient_share": 0.5}, {"weights": "stochastic"}],
    ids=["fixed", "dynamic", "stochastic"],
)
def test_the_host_trains_blocks_as_numpy_does(settings: dict[str, object], tmp_path: Path) -> None:
    """Also with a rate that saturates; stops at undefined behaviour."""
    graph = pruned()
    step = step_of(graph, **settings)
    inputs = samples(graph, [1, 2, -1, 3, 0, 4])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@_board
def test_a_board_trains_blocks_as_numpy_does(tmp_path: Path) -> None:
    graph = pruned()
    step = step_of(graph, masks="dynamic", gradient_share=0.5)
    inputs = samples(graph, [1, 2, 0, -1])
    result = run(program(step, "cortex-m7", tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)


def test_a_masked_gradient_is_that_of_the_largest_channels() -> None:
    graph, seen = pruned(), {}

    def observe(call, made) -> None:  # type: ignore[no-untyped-def]
        if call.node.op == "top_gradient":
            seen[call.node.name] = (call.input(0), made[0])

    Trainer(step_of(graph, gradient_share=0.25)).step([image(graph)], 1, observe=observe)
    assert len(seen) == 4
    for whole, kept in seen.values():
        sums = np.abs(whole.astype(int)).sum((0, 1, 2))
        live = np.abs(kept.astype(int)).sum((0, 1, 2)) > 0
        assert live.sum() <= max(1, round(0.25 * sums.size))
        assert sums[live].min(initial=1 << 30) >= sums[~live].max()
        np.testing.assert_array_equal(kept[..., live], whole[..., live])


def test_a_part_of_a_pruned_layer_is_refused() -> None:
    graph = pruned()
    layer = scheme.weighted_layers(graph)[1].name
    with pytest.raises(EdgeError, match="E0017"):
        differentiate(graph, UpdateScheme(weights={layer: 4}), Settings(masks="fixed"))


@pytest.mark.parametrize("wrong", [{"masks": "some"}, {"gradient_share": 0.0}])
def test_wrong_settings_are_one_clear_error(wrong: dict[str, object]) -> None:
    with pytest.raises(EdgeError, match="E0017"):
        step_of(pruned(), **wrong)
