"""Samples of the past are kept where the frozen part ends, and trained on again."""

from __future__ import annotations

import shutil
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
from edge.training.reference.learner import Learner, Reservoir
from edge.training.tape import Settings
from tests.training.networks import bottleneck, branches, image
from tests.training.test_programs import assert_equal, program, run, samples, trapped_outputs

LABELS = [1, 2, -1, 0, 4, 3, 1, 0, 2]


def step_of(graph: Graph, last: int = 3, **settings: object) -> Step:
    how = {"learning_rate": 1e-2, "replay": 3, "replays": 2, **settings}
    return differentiate(graph, scheme.last_layers(graph, last), Settings(**how))  # type: ignore[arg-type]


def test_every_sample_of_a_stream_is_kept_with_the_same_chance() -> None:
    counts = np.zeros(40, int)
    for seed in range(1500):
        reservoir = Reservoir(8, 1, seed)
        for sample in range(40):
            reservoir.keep(np.array([sample], np.uint8), sample % 10)
        counts[reservoir.kept[:, 0]] += 1
        assert (reservoir.labels == reservoir.kept[:, 0] % 10).all()
    assert counts.sum() == 1500 * 8
    assert np.abs(counts - 300).max() < 5 * np.sqrt(300 * 0.8)


def test_kept_samples_are_drawn_with_the_same_chance() -> None:
    reservoir = Reservoir(5, 1, 7)
    assert reservoir.draw() is None
    for sample in range(5):
        reservoir.keep(np.array([sample], np.uint8), sample)
    drawn = [reservoir.draw()[1] for _ in range(2000)]  # type: ignore[index]
    assert np.abs(np.bincount(drawn) - 400).max() < 5 * np.sqrt(400 * 0.8)


def test_a_kept_sample_trains_as_its_input_does() -> None:
    """The frozen layers are skipped, not changed."""
    graph = bottleneck()
    learner = Learner(step_of(graph, replay=1, replays=1))
    plain = Trainer(step_of(graph, replay=0))
    learner.learn([image(graph)], 2)
    for _ in range(2):
        plain.step([image(graph)], 2)
    assert learner.trainer.digest() == plain.digest()


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
@pytest.mark.parametrize("last", [3, 99], ids=["latent", "raw"])
@pytest.mark.parametrize("weights", ["q8.8", "stochastic"])
def test_the_host_replays_as_numpy_does(last: int, weights: str, tmp_path: Path) -> None:
    """Also where everything is trained, so that inputs themselves are kept."""
    graph = bottleneck()
    step = step_of(graph, last, weights=weights)
    inputs = samples(graph, LABELS)
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
def test_a_board_replays_as_numpy_does_in_the_predicted_memory(tmp_path: Path) -> None:
    """With a boundary of more than one value."""
    graph = branches()
    step = step_of(graph, 2)
    plan = plan_step(step, load_target("cortex-m7"))
    built = program(step, "cortex-m7", tmp_path / "net")
    inputs = samples(graph, LABELS)
    result = run(built, inputs)
    assert_equal(step, inputs, result.outputs)
    assert 0 <= sizes(built).static_ram - static_ram(plan) < 16
    assert plan.replay == 3 * (plan.sample_bytes + 2) + 8
    assert len(plan.boundary) > 1


def test_a_class_that_does_not_exist_is_not_kept() -> None:
    graph = bottleneck()
    learner = Learner(step_of(graph))
    before = learner.trainer.digest()
    with pytest.raises(EdgeError, match="E0018"):
        learner.learn([image(graph)], 5)
    assert learner.trainer.digest() == before
    assert learner.reservoir.seen == 0
    assert not learner.replay()


@pytest.mark.parametrize("wrong", [{"replay": -1}, {"replays": -2}, {"loss": "squared_error"}])
def test_wrong_settings_are_one_clear_error(wrong: dict[str, object]) -> None:
    with pytest.raises(EdgeError, match="E0017"):
        step_of(bottleneck(), **wrong)
