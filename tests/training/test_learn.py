"""`edge run --train`: the learning curve of a stream, on the host and on emulated devices."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.cli import cli
from edge.cli.outcome import run as run_cli
from edge.errors import EdgeError
from edge.ir import Graph
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.emit import emit_step
from edge.training.planning import plan_step
from edge.training.reference.learner import Learner
from edge.training.tape import Settings
from edge.workflow.learn import learn
from edge.workflow.project import write_project
from tests.training.networks import bottleneck, image

COUNT, CLASSES = 24, 5


def _step(graph: Graph, **settings: object) -> Step:
    how = {"learning_rate": 1e-2, **settings}
    return differentiate(graph, scheme.last_layers(graph, 2), Settings(**how))  # type: ignore[arg-type]


def _export(step: Step, out: Path, target: str = "cortex-m7") -> Path:
    write_project(out, emit_step(plan_step(step, load_target(target)), target))
    return out


@pytest.fixture(scope="module")
def step() -> Step:
    return _step(bottleneck(), replay=4)


@pytest.fixture(scope="module")
def out(step: Step, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _export(step, tmp_path_factory.mktemp("learn") / "net")


@pytest.fixture(scope="module")
def stream(step: Step, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images, again and again, with a class each."""
    path = tmp_path_factory.mktemp("data") / "stream.npz"
    x = np.concatenate([image(step.graph, i % 2) for i in range(COUNT)])
    np.savez(path, x=x, y=np.arange(COUNT) % 2 + 1)
    return path


_board = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
_wasmtime = pytest.mark.skipif(
    not importlib.util.find_spec("wasmtime"), reason="needs pip install wasmtime"
)


@pytest.mark.parametrize(
    "runner",
    ["host", pytest.param("qemu", marks=_board), pytest.param("wasmtime", marks=_wasmtime)],
)
def test_the_curve_is_that_of_numpy_on_every_runner(
    runner: str, step: Step, out: Path, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(out), "--train", str(stream), "--window", "10", "--on", runner, "--json"]
    assert run_cli(cli, command) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["runner"], shown["samples"]) == (runner, COUNT)
    learner, right, losses = Learner(step), [], []
    scale = step.graph.type(step.graph.outputs[0]).quantization.scale[0]  # type: ignore[union-attr]
    for index in range(COUNT):
        label = index % 2 + 1
        scores = learner.learn([image(step.graph, index % 2)], label).reshape(-1) * scale
        right.append(scores.argmax() == label)
        losses.append(np.log(np.exp(scores).sum()) - scores[label])
    assert [(w["first"], w["end"]) for w in shown["windows"]] == [(0, 10), (10, 20), (20, 24)]
    for window in shown["windows"]:
        part = slice(window["first"], window["end"])
        assert window["accuracy"] == np.mean(right[part])
        assert abs(window["loss"] - np.mean(losses[part])) < 1e-4
    assert shown["windows"][-1]["loss"] < 0.5 * shown["windows"][0]["loss"]


def test_a_curve_is_shown_as_a_table(
    out: Path, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(cli, ["run", str(out), "--train", str(stream), "--on", "host"]) == 0
    shown = capsys.readouterr().out
    assert "24 training steps on host" in shown
    assert "21 - 23" in shown


def test_squared_errors_have_no_accuracy(tmp_path: Path) -> None:
    graph = bottleneck()
    out = _export(_step(graph, loss="squared_error"), tmp_path / "net", "host")
    x = np.concatenate([image(graph)] * 8)
    curve = learn(out, (x, np.zeros((8, CLASSES), np.float32)), window=4)
    assert [w.accuracy for w in curve.windows] == [None, None]
    assert curve.windows[1].loss < curve.windows[0].loss


def _x(count: int = 3, *shape: int) -> np.ndarray:
    return np.zeros((count, *(shape or (9, 8, 3))), np.int8)


@pytest.mark.parametrize(
    ("x", "y", "code", "says"),
    [
        (_x(), np.array([0, 5, 1]), "E0018", "sample 1 is of class 5"),
        (_x(), np.array([0, -1, 1]), "E0018", "sample 1 is of class -1"),
        (_x(3, 4, 4, 3), np.zeros(3, int), "E0005", "shape"),
        (_x(), np.zeros((3, 2), int), "E0005", "y has shape"),
        (_x(), np.zeros(3), "E0005", "float64"),
        (_x(), np.zeros(2, int), "E0005", "3 inputs and 2 labels"),
        (_x().astype(np.float32) * np.nan, np.zeros(3, int), "E0005", "NaN"),
    ],
)
def test_a_wrong_stream_is_one_clear_error(
    x: np.ndarray, y: np.ndarray, code: str, says: str, out: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "stream.npz", x=x, y=y)
    with pytest.raises(EdgeError, match=f"{code}(.|\n)*{says}"):
        learn(out, tmp_path / "stream.npz", on="host")


def test_a_model_that_does_not_train_is_refused(tmp_path: Path, stream: Path) -> None:
    from edge.workflow.export import export

    export(bottleneck(), "host", tmp_path / "net")
    with pytest.raises(EdgeError, match="E0003"):
        learn(tmp_path / "net", stream)


def test_what_is_run_must_be_said(out: Path, stream: Path) -> None:
    assert run_cli(cli, ["run", str(out)]) == 2
    assert run_cli(cli, ["run", str(out), "--train", str(stream), "--input", "x.npy"]) == 2
