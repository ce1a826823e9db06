"""A hundred training steps leave the same trainables on every target."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

import pytest

from edge.ir import Graph
from edge.ir.types import Array
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.emit import emit_step
from edge.training.planning import plan_step
from edge.training.reference import Trainer
from edge.training.tape import Settings
from edge.workflow.project import open_project, write_project
from edge.workflow.train import TrainingBench, training_samples
from tests.training.networks import POOL, TrainNet

STEPS = 100


def small_network() -> Graph:
    """A convolution that is not trained, then depthwise, pointwise, residual, pool and linear."""
    net = TrainNet(1, 10, 9, 3, seed=4)
    net.conv(6)
    net.depthwise(3)
    first = net.conv(8, kernel=1, activation="relu")
    net.conv(12, kernel=1)
    net.depthwise(3)
    net.conv(8, kernel=1)
    net.add("add", first, net.last, scale=0.5)
    net.add("max_pool2d", attrs=POOL, **net.like_last())
    return net.head()


@pytest.fixture(scope="module")
def step() -> Step:
    graph = small_network()
    layers = len(scheme.weighted_layers(graph))
    chosen = scheme.last_layers(graph, layers - 1)
    return differentiate(graph, chosen, Settings(learning_rate=1e-2))


@pytest.fixture(scope="module")
def inputs(step: Step) -> list[Array]:
    return training_samples(step, STEPS)


@pytest.fixture(scope="module")
def trained(step: Step, inputs: list[Array]) -> Trainer:
    """What numpy has learned."""
    trainer = Trainer(step)
    for x, label in zip(*inputs, strict=True):
        trainer.step([x[None]], int(label[0]))
    return trainer


def _needs(program: str, package: str) -> pytest.MarkDecorator:
    reason = f"needs {program}: apt-get install {package}"
    return pytest.mark.skipif(not shutil.which(program), reason=reason)


_board = _needs("qemu-system-arm", "qemu-system-arm")
_wasmtime = pytest.mark.skipif(
    not importlib.util.find_spec("wasmtime"), reason="needs pip install wasmtime"
)
TARGETS = [
    pytest.param("host", "host"),
    pytest.param("cortex-m4", "qemu", marks=_board),
    pytest.param("cortex-m7", "qemu", marks=_board),
    pytest.param("cortex-m55", "qemu", marks=_board),
    pytest.param("aarch64", "qemu-user", marks=_needs("qemu-aarch64", "qemu-user")),
    pytest.param("wasm32", "wasmtime", marks=_wasmtime),
    pytest.param("wasm32", "node", marks=_needs("node", "nodejs")),
    pytest.param("wasm32", "browser", marks=_needs("chromium", "chromium")),
]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a target: what several runners run is built once."""
    return tmp_path_factory.mktemp("targets")


@pytest.mark.parametrize(("target", "runner"), TARGETS)
def test_trainables_are_the_same_after_a_hundred_steps(
    target: str, runner: str, step: Step, inputs: list[Array], trained: Trainer, projects: Path
) -> None:
    folder = projects / target
    if not folder.exists():
        write_project(folder, emit_step(plan_step(step, load_target(target)), target))
    bench = TrainingBench(open_project(folder), runner)
    _, *trainables = bench.run(bench.program(), inputs).outputs
    last = b"".join(values[-1].tobytes() for values in trainables)
    assert hashlib.sha256(last).hexdigest() == trained.digest()


def test_every_trained_array_has_moved(step: Step, trained: Trainer) -> None:
    """Otherwise equal digests would say nothing."""
    for state in step.graph.states:
        assert (trained.states[state.read] != state.initial).any(), state.read
