"""Steps that end early because their sample is easy, and scores that keep room to move."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import Graph
from edge.target import load_target
from edge.toolchains import sizes
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.plan_file import static_ram
from edge.training.planning import plan_step
from edge.training.reference import Trainer
from edge.training.reference.learner import Learner
from edge.training.tape import Settings
from edge.workflow.host_learner import HostLearner
from tests.training.networks import bottleneck, image
from tests.training.test_programs import assert_equal, program, run, samples, trapped_outputs

GRAPH = bottleneck()
LABELS = [1, 2, 0, 4, 3, 1, 0, 2]


def _step(graph: Graph = GRAPH, **settings: object) -> Step:
    how = Settings(learning_rate=1e-2, **settings)  # type: ignore[arg-type]
    return differentiate(graph, scheme.last_layers(graph, 3), how)


def _probabilities(step: Step, scores: np.ndarray) -> np.ndarray:
    quantization = step.graph.type(step.graph.outputs[0]).quantization
    assert quantization
    wide = np.exp(quantization.scale[0] * scores.reshape(-1).astype(float))
    return np.asarray(wide / wide.sum())


@pytest.mark.parametrize(("seed", "label"), [(3, 0), (5, 0), (5, 1), (6, 1)])
def test_a_step_ends_where_every_probability_is_near(seed: int, label: int) -> None:
    step = _step()
    scores = Trainer(step).step([image(GRAPH, seed)], label)
    distance = np.abs(_probabilities(step, scores) - np.eye(5)[label]).max()
    for easy, ends in ((distance * 1.02, True), (distance * 0.98, False)):
        trainer = Trainer(_step(easy=float(easy)))
        before = trainer.digest()
        np.testing.assert_array_equal(trainer.step([image(GRAPH, seed)], label), scores)
        assert (trainer.digest() == before) == ends
        assert trainer.skipped == ends


def test_hard_samples_are_trained_on_as_ever() -> None:
    plain, choosy = Trainer(_step()), Trainer(_step(easy=1e-3))
    for index, label in enumerate(LABELS):
        for trainer in (plain, choosy):
            trainer.step([image(GRAPH, index)], label)
    assert plain.digest() == choosy.digest()


def _choosy(weights: str = "q8.8") -> Step:
    return _step(easy=0.75, headroom=2.0, replay=3, replays=2, weights=weights)


def test_a_cooled_step_is_half_as_long() -> None:
    """Every low byte moves by half of what it would, rounded."""
    step = _step(cooling=True)
    moved = []
    for halvings in (0, 1):
        trainer = Trainer(step)
        trainer.halvings = halvings
        before = _fine(trainer)
        trainer.step([image(GRAPH, 5)], 1)
        moved.append(_fine(trainer) - before)
    assert np.abs(moved[0]).max() > 100
    inside = np.abs(moved[0]) < 20_000
    np.testing.assert_allclose(moved[1][inside], moved[0][inside] / 2, atol=1)


def _fine(trainer: Trainer) -> np.ndarray:
    """All trained weights in 1/256."""
    names = [name for name in trainer.states if name.endswith("_high")]
    return np.concatenate(
        [
            (
                256 * trainer.states[n].astype(int) + trainer.states[n.replace("_high", "_low")]
            ).ravel()
            for n in names
        ]
    )


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
def test_the_host_cools_as_numpy_does(tmp_path: Path) -> None:
    step = replace(_choosy(), settings=replace(_choosy().settings, cooling=True))
    device, learner = HostLearner(step, tmp_path / "net"), Learner(step)
    for index, label in enumerate(LABELS):
        learner.trainer.halvings = index // 3
        device.cool(index // 3)
        device.learn(image(GRAPH, index), label)
        learner.learn([image(GRAPH, index)], label)
    assert device.replay()
    learner.replay()
    assert device.skipped == learner.trainer.skipped > 0
    for name, array in learner.trainer.states.items():
        np.testing.assert_array_equal(device.states[name], array, err_msg=name)


def _skipped(step: Step) -> int:
    learner = Learner(step)
    for index, label in enumerate(LABELS):
        learner.learn([image(GRAPH, index)], label)
    return learner.trainer.skipped


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
@pytest.mark.parametrize("weights", ["q8.8", "stochastic"])
def test_the_host_leaves_out_what_numpy_leaves_out(weights: str, tmp_path: Path) -> None:
    step = _choosy(weights)
    assert 0 < _skipped(step) < 3 * len(LABELS)
    inputs = samples(GRAPH, LABELS)
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
def test_a_board_does_so_in_the_predicted_memory(tmp_path: Path) -> None:
    step = _choosy()
    built = program(step, "cortex-m7", tmp_path)
    inputs = samples(GRAPH, LABELS)
    assert_equal(step, inputs, run(built, inputs).outputs)
    plan = plan_step(step, load_target("cortex-m7"))
    assert 0 <= sizes(built).static_ram - static_ram(plan) < 16


def test_headroom_rounds_scores_more_coarsely_and_changes_nothing_else() -> None:
    plain, wide = _step(), _step(headroom=2.0)
    scales = []
    for step in (plain, wide):
        quantization = step.graph.type(step.graph.outputs[0]).quantization
        assert quantization
        scores = Trainer(step).predict([image(GRAPH, 5)]).astype(float)
        scales.append(
            (quantization.scale[0], quantization.scale[0] * (scores - quantization.zero_point[0]))
        )
    assert scales[1][0] > 1.9 * scales[0][0]
    np.testing.assert_allclose(scales[1][1], scales[0][1], atol=0.51 * sum(s for s, _ in scales))


def test_a_class_out_of_range_comes_back_with_headroom() -> None:
    """Its score is clamped and has no gradient; with room it has one."""
    head = GRAPH.nodes[-1]
    bias = GRAPH.constant(head.inputs[2]).copy()
    bias[0] -= 60_000
    value = replace(GRAPH.values[head.inputs[2]], data=bias)
    fallen = replace(GRAPH, values={**GRAPH.values, value.name: value})
    for headroom, moves in ((1.0, False), (8.0, True)):
        trainer = Trainer(_step(fallen, headroom=headroom))
        name = next(n for n in trainer.states if n.endswith("bias") and "linear" in n)
        assert (trainer.predict([image(fallen)]).reshape(-1)[0] == -128) != moves
        trainer.step([image(fallen)], 0)
        assert (trainer.states[name][0] != bias[0]) == moves


@pytest.mark.parametrize(
    "settings",
    [{"easy": 1.5}, {"easy": 0.1, "loss": "squared_error"}, {"easy": 0.1, "gradients": "float32"},
     {"headroom": 0.5}, {"cooling": True, "gradients": "float32"}, {"headroom": float("nan")}],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(EdgeError, match="E0017"):
        _step(**settings)
