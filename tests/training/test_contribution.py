"""Parts are measured by training them, as if nothing else could be trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir.types import Array
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.contribution import (
    Laboratory,
    Trial,
    gains,
    split,
    trained_elements,
    trials,
)
from edge.training.reference import Trainer
from edge.training.selection import RATIOS
from edge.training.tape import Settings
from edge.workflow.contribution import measured_gains
from tests.training.networks import bottleneck, image
from tests.training.test_blocks import pruned

SETTINGS = Settings(learning_rate=1e-2)
GRAPH = bottleneck()
FULL = differentiate(GRAPH, scheme.full(GRAPH), SETTINGS)
SAMPLES = [(image(GRAPH, i), i % 5) for i in range(16)]


@dataclass
class NumpyLearner:
    """The reference as what contributions are measured with."""

    trainer: Trainer

    @property
    def states(self) -> Mapping[str, Array]:
        return self.trainer.states

    def write(self, states: Mapping[str, Array]) -> None:
        self.trainer.states.update({name: array.copy() for name, array in states.items()})

    def learn(self, sample: Array, label: int) -> Array:
        return self.trainer.step([sample], label)

    def predict(self, samples: Array) -> Array:
        return np.concatenate([self.trainer.predict([x[None]]) for x in samples])


def _laboratory(step: Step = FULL, steps: int = 6) -> Laboratory:
    return Laboratory(GRAPH, step, NumpyLearner(Trainer(step)), *split(SAMPLES), steps)


@pytest.mark.parametrize(
    "trial", [Trial(0), Trial(3), Trial(3, 3, Fraction(1, 4))], ids=lambda trial: trial.name
)
def test_a_part_is_trained_as_its_own_step_trains_it(trial: Trial) -> None:
    """Bit for bit, against the step that was differentiated for this part alone."""
    laboratory = _laboratory()
    laboratory.loss(trial)
    whole = laboratory.tuned.states
    alone = Trainer(differentiate(GRAPH, trial.scheme(GRAPH), SETTINGS))
    for x, label in laboratory.train[:6]:
        alone.step([x], label)
    for name, array in alone.states.items():
        part = whole[name][tuple(slice(n) for n in array.shape)]
        np.testing.assert_array_equal(part, array, err_msg=name)
    changed = {n for n, a in whole.items() if (a != Trainer(FULL).states[n]).any()}
    assert changed <= alone.states.keys()


def test_there_is_a_trial_for_every_choice_of_the_table() -> None:
    found = trials(GRAPH)
    body = scheme.weighted_layers(GRAPH)[:-1]
    assert [t.bias_layers for t in found if t.layer is None] == list(range(len(body) + 1))
    whole = [i for i, node in enumerate(body) if node.op == "conv2d"]
    assert [(t.layer, t.ratio) for t in found if t.layer is not None] == [
        (layer, ratio) for layer in whole for ratio in RATIOS[1:]
    ]
    assert len({t.name for t in found}) == len(found)


def test_gains_are_what_the_loss_loses() -> None:
    losses = {trial: 2.0 - 0.1 * i for i, trial in enumerate(trials(GRAPH))}
    found = gains(GRAPH, losses)
    assert found.biases[0] == 0
    assert found.biases[2] == pytest.approx(losses[Trial(0)] - losses[Trial(2)])
    layer = max(found.weights)
    last = len(found.biases) - 1 - layer
    expected = losses[Trial(last)] - losses[Trial(last, layer, RATIOS[2])]
    assert found.weights[layer][2] == pytest.approx(expected)


def test_zero_blocks_are_left_out() -> None:
    graph = pruned()
    step = differentiate(graph, scheme.full(graph), SETTINGS)
    elements = trained_elements(graph, step, scheme.full(graph), masked=True)
    for node in scheme.weighted_layers(graph):
        weight = graph.constant(node.inputs[1])
        kept = elements[f"{node.name}_high"]
        assert not weight[~kept].any()


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(EdgeError, match=r"E0005(.|\n)*at least 16"):
        split(SAMPLES[:9])


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
def test_the_exported_c_measures_the_same_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "plan.json.scores"
    found = measured_gains(GRAPH, SETTINGS, SAMPLES, 6, file=file, progress=False)
    laboratory = _laboratory()
    assert found.biases[1] == laboratory.loss(Trial(0)) - laboratory.loss(Trial(1))
    content = json.loads(file.read_text())
    content["losses"][Trial(1).name] -= 1
    del content["losses"][Trial(2).name]
    file.write_text(json.dumps(content))
    again = measured_gains(GRAPH, SETTINGS, SAMPLES, 6, file=file, progress=False)
    assert again.biases[1] == pytest.approx(found.biases[1] + 1)
    assert again.biases[2] == found.biases[2]
    file.write_text("{}")
    with pytest.raises(EdgeError, match="E0019"):
        measured_gains(GRAPH, SETTINGS, SAMPLES, 6, file=file, progress=False)
