"""From a torch model to verified training, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.cli import cli
from edge.cli.outcome import run as run_cli
from edge.errors import EdgeError
from edge.ir import Graph
from edge.training.plan_file import TrainPlan, read_plan
from edge.workflow.train import export_training, train_plan, verify_training
from tests.training.networks import bottleneck, image
from tests.training.test_blocks import pruned

MODEL = "tests.models.mobilenet_v3_block:make"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "train.npz"
    x = rng.standard_normal((8, 3, 24, 24)).astype(np.float32)
    np.savez(path, x=x, y=rng.integers(0, 10, 8))
    return path


def test_the_command_line_plans_exports_and_verifies(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = tmp_path / "plan.json", tmp_path / "out"
    common = [MODEL, "-t", "host", "--calibration", str(data), "-q"]
    assert run_cli(cli, ["train-plan", *common, "--scheme", "last-2", "-o", str(plan)]) == 0
    assert run_cli(cli, ["export", *common, "--train", str(plan), "-o", str(out)]) == 0
    capsys.readouterr()
    assert run_cli(cli, ["verify", str(out), "--train-steps", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["mismatches"] == 0
    assert result["values"] > 1000
    assert len(result["digest"]) == 64


def test_auto_uses_the_budget_and_says_what_it_takes(data: Path) -> None:
    small = train_plan(MODEL, "cortex-m7", data=data, sram="24K", progress=False)
    large = train_plan(MODEL, "cortex-m7", data=data, sram="128K", progress=False)
    for plan, budget in ((small, 24 * 1024), (large, 128 * 1024)):
        assert plan.predicted["ram"]["total"] <= budget
    assert large.predicted["gain"] > small.predicted["gain"]
    assert set(small.scheme.biases) <= set(large.scheme.biases)


def test_auto_goes_by_measured_contributions_too(data: Path, tmp_path: Path) -> None:
    with np.load(data) as file:
        x, y = np.tile(file["x"], (2, 1, 1, 1)), np.tile(file["y"], 2)
    np.savez(tmp_path / "train.npz", x=x, y=y)
    out, common = tmp_path / "plan.json", ["-t", "cortex-m7", "--sram", "128K", "-q"]
    chosen = ["--data", str(tmp_path / "train.npz"), "--scores", "contribution"]
    command = ["train-plan", MODEL, *common, *chosen, "--score-steps", "2", "-o", str(out)]
    assert run_cli(cli, command) == 0
    plan = read_plan(out)
    losses = json.loads((tmp_path / "plan.json.scores").read_text())["losses"]
    found = losses["last 0 biases"] - losses[f"last {len(plan.scheme.biases) - 1} biases"]
    assert plan.predicted["gain"] >= found
    with pytest.raises(EdgeError, match="E0017"):
        train_plan(MODEL, "host", data=data, scores="guess", progress=False)


def test_a_budget_that_cannot_be_met_names_the_smallest(data: Path) -> None:
    with pytest.raises(EdgeError, match=r"E0304(.|\n)*at least \d+ bytes"):
        train_plan(MODEL, "cortex-m7", data=data, sram="9K", progress=False)


def test_a_plan_file_reads_back(data: Path, tmp_path: Path) -> None:
    plan = train_plan(MODEL, "host", data=data, scheme="bias-only", progress=False)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_json()))
    again = read_plan(path)
    assert (again.scheme, again.settings) == (plan.scheme, plan.settings)


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "train-plan", "schema": 99}', "[1]"])
def test_another_file_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(EdgeError, match="E0019"):
        read_plan(path)


def test_wrong_uses_are_one_clear_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="E0017"):
        train_plan(MODEL, "host", data=data, scheme="some", progress=False)
    with pytest.raises(EdgeError, match="E0017"):
        train_plan(MODEL, "host", scheme="last-1", calibration=data, learning_rate=float("nan"))
    with pytest.raises(EdgeError, match="E0005"):
        train_plan(MODEL, "host", data=tmp_path / "missing.npz")
    with pytest.raises(EdgeError, match="E0003"):
        verify_training(tmp_path, 1)


def test_a_plan_of_another_model_is_refused(data: Path, tmp_path: Path) -> None:
    plan = train_plan(MODEL, "host", data=data, scheme="last-1", progress=False)
    other = "tests.models.resnet8:make"
    with pytest.raises(EdgeError, match="E0017"):
        export_training(other, "host", tmp_path / "out", _images(), train=plan, progress=False)
    assert not (tmp_path / "out").exists()


def _images() -> list[tuple[np.ndarray]]:
    from tests.models.resnet8 import make

    _, example = make()
    return [(example[0].numpy(),)]


@pytest.fixture(scope="module")
def pruned_graph() -> Graph:
    return pruned()


def _plan(graph: Graph, **settings: object) -> TrainPlan:
    rng = np.random.default_rng(0)
    x = np.concatenate([image(graph, i) for i in range(6)])
    return train_plan(
        graph, "cortex-m7", data=(x, rng.integers(0, 5, 6)), progress=False, **settings
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["auto", "full", "last-2"])
def test_a_pruned_network_is_found_out_and_keeps_its_zeros(
    scheme: str, pruned_graph: Graph
) -> None:
    plan = _plan(pruned_graph, scheme=scheme)
    dense = _plan(pruned_graph, scheme=scheme, masks="none")
    assert plan.settings.masks == "fixed"
    assert plan.predicted["ram"]["trainables"] < dense.predicted["ram"]["trainables"]
    assert _plan(bottleneck(), scheme=scheme).settings.masks == "none"


def test_replay_is_planned_by_count_or_by_bytes(pruned_graph: Graph) -> None:
    counted = _plan(pruned_graph, scheme="last-2", replay=7)
    sized = _plan(pruned_graph, scheme="last-2", replay="1K")
    without = _plan(pruned_graph, scheme="last-2")
    for plan in (counted, sized):
        ram = plan.predicted["ram"]
        assert ram["total"] - without.predicted["ram"]["total"] == pytest.approx(
            ram["replay"], abs=8
        )
    assert sized.predicted["ram"]["replay"] <= 1024
    assert sized.settings.replay > 0
    with pytest.raises(EdgeError, match=r"E0304(.|\n)*at least \d+ bytes"):
        _plan(pruned_graph, scheme="last-2", replay="16")


def test_replay_is_part_of_the_budget_of_auto(pruned_graph: Graph) -> None:
    plan = _plan(pruned_graph, sram="12K", replay="4K")
    assert 3 * 1024 < plan.predicted["ram"]["replay"] <= 4 * 1024
    assert plan.predicted["ram"]["total"] <= 12 * 1024


def test_everything_together_is_verified(pruned_graph: Graph, tmp_path: Path) -> None:
    how = {"gradient_share": 0.5, "easy": 0.6, "headroom": 2.0, "replay": 5, "replays": 2}
    plan = _plan(pruned_graph, scheme="full", **how)
    export_training(pruned_graph, "host", tmp_path / "out", train=plan, progress=False)
    assert verify_training(tmp_path / "out", 8).mismatches == 0
