"""Masks that are exchanged between tasks, and samples that are left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.training import scheme
from edge.training.blocks import Places, live_blocks
from edge.training.continual.masks import (
    Importance,
    Sample,
    block_gradients,
    exchanged,
    swapped,
)
from edge.training.continual.removal import Removal
from edge.training.reference import Trainer
from tests.training.gradients import applied_gradients
from tests.training.networks import image
from tests.training.test_blocks import pruned, step_of

GRAPH = pruned()
STEP = step_of(GRAPH, masks="dynamic")


def _samples(*labels: int) -> list[Sample]:
    trainer = Trainer(STEP)
    return [(trainer.boundary([image(GRAPH, i)]), y) for i, y in enumerate(labels)]


def _states() -> dict[str, np.ndarray]:
    trainer = Trainer(STEP)
    for index in range(3):
        trainer.step([image(GRAPH, index)], index)
    return trainer.states


def test_gradients_of_dead_blocks_are_those_of_the_dense_network() -> None:
    dense = step_of(GRAPH, masks="none")
    exact, _ = applied_gradients(GRAPH, dense, image(GRAPH, 0), 1)
    found = block_gradients(GRAPH, STEP, Trainer(STEP).states, _samples(1))
    layers = {node.name: node for node in scheme.weighted_layers(GRAPH)}
    for name, sums in found.items():
        scale = GRAPH.type(layers[name].inputs[1]).quantization.scale  # type: ignore[union-attr]
        gradient = np.abs(exact[f"{name}/weight"])
        gradient /= np.reshape(scale, (-1, *(1,) * (gradient.ndim - 1)))
        blocks = gradient.reshape(*sums.shape, 4).sum(-1)
        cosine = np.vdot(blocks, sums) / np.linalg.norm(blocks) / np.linalg.norm(sums)
        assert cosine > 0.99999, name


def test_the_least_important_go_and_the_most_promising_come() -> None:
    live = np.array([[[True, True, False, False, True]]])
    importance = np.array([[[3.0, 1.0, 9.0, 9.0, 2.0]]])
    promise = np.array([[[9.0, 9.0, 1.0, 2.0, 9.0]]])
    kept = swapped(live, importance, promise, 0.34)
    assert kept.tolist() == [[[True, False, False, True, True]]]
    assert swapped(live, importance, promise, 0).tolist() == live.tolist()
    assert swapped(live, importance, promise, 1).sum() == live.sum()


def test_an_exchange_keeps_the_number_of_blocks_and_what_stays() -> None:
    before = _states()
    gradients = block_gradients(GRAPH, STEP, before, _samples(3, 4))
    after = exchanged(GRAPH, before, gradients, {}, 0.25)
    for node in scheme.weighted_layers(GRAPH):
        shape = GRAPH.type(node.inputs[1]).shape
        old, new = (
            Places.stored(s[f"{node.name}_columns"], s[f"{node.name}_counts"])
            for s in (before, after)
        )
        was, now = old.mask(shape), new.mask(shape)
        assert was.sum() == now.sum()
        assert (was & ~now).sum() == round(0.25 * was.sum())
        for part, empty in (("high", 0), ("low", 128)):
            grown, kept = (
                places.spread(states[f"{node.name}_{part}"].astype(int) - empty, shape)
                for places, states in ((new, after), (old, before))
            )
            stays = np.repeat(was & now, 4, -1).reshape(shape)
            np.testing.assert_array_equal(grown[stays], kept[stays])
            assert not grown[~stays].any()


def test_weights_of_the_past_are_not_given_away() -> None:
    """A large gradient on kept samples keeps a block that the new task does not need."""
    states = _states()
    name = scheme.weighted_layers(GRAPH)[2].name
    task = {name: block_gradients(GRAPH, STEP, states, _samples(3))[name] * 0}
    shape = GRAPH.type(scheme.weighted_layers(GRAPH)[2].inputs[1]).shape
    live = Places.stored(states[f"{name}_columns"], states[f"{name}_counts"]).mask(shape)
    weight = np.abs(Places.of(live).spread(states[f"{name}_high"], shape).astype(int))
    least = np.argmin(np.where(live, weight.reshape(*live.shape, 4).sum(-1), 10**6))
    past = np.zeros(live.shape)
    past.flat[least] = 1.0
    for weigh, stays in ((Importance(past=0), False), (Importance(past=9), True)):
        after = exchanged(GRAPH, states, task, {name: past}, 0.1, weigh)
        mask = Places.stored(after[f"{name}_columns"], after[f"{name}_counts"]).mask(shape)
        assert mask.flat[least] == stays


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
def test_a_device_goes_on_with_exchanged_masks_as_numpy_does(tmp_path: Path) -> None:
    from edge.workflow.host_learner import HostLearner

    step = step_of(GRAPH, masks="dynamic", gradient_share=0.5, replay=2)
    device = HostLearner(step, tmp_path / "net")
    trainer = Trainer(step_of(GRAPH, masks="dynamic", gradient_share=0.5))
    gradients = block_gradients(GRAPH, STEP, device.states, _samples(3, 4))
    fresh = exchanged(GRAPH, device.states, gradients, {}, 0.25)
    device.write(fresh)
    trainer.states = {name: values.copy() for name, values in fresh.items()}
    device.learn(image(GRAPH), 2)
    trainer.step([image(GRAPH)], 2)
    ((values, label),) = device.kept(2)
    assert label == 2
    trainer.step((), label, values)
    for name, expected in trainer.states.items():
        np.testing.assert_array_equal(device.states[name], expected, err_msg=name)
    trained = live_blocks(
        Places.stored(device.states["conv2d_1_columns"], device.states["conv2d_1_counts"]).spread(
            device.states["conv2d_1_high"], (12, 1, 1, 8)
        )
    )
    assert trained.any()


def test_samples_that_were_always_right_leave_first() -> None:
    removal = Removal(6)
    for sample, is_right in ((0, True), (1, False), (2, True), (3, False), (3, False), (4, True)):
        removal.saw(sample, is_right)
    removal.remove(0.5)
    assert removal.left.tolist() == [1, 3, 5]
    removal.remove(0.34)
    assert removal.left.tolist() == [1, 3]
