"""`edge prune` with a budget: a latency or a loss of magnitude decides the sparsities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import edge
from edge.cli import cli
from edge.errors import EdgeError
from edge.sparsity.allocation.budgeted import options
from edge.sparsity.masked import attach
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.training import Training, train
from edge.target import load_target
from edge.workflow.prune import Pruned, prune
from edge.workflow.prune_budget import Budget
from tests.models import dscnn
from tests.sparsity.tasks import examples, network

MODEL = "tests.models.dscnn:make"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["prune", MODEL, *arguments, "-q", "--json"])


@pytest.fixture(scope="module")
def by_latency() -> Pruned:
    return prune(dscnn.make(), "1x4", Budget("cortex-m7", latency=0.7), progress=False)


def test_a_share_of_the_latency_is_met(by_latency: Pruned) -> None:
    found = by_latency.predicted
    assert found is not None
    assert 0.6 < found["ratio"] <= 0.7
    assert found["ratio"] == round(found["pruned"] / found["dense"], 4)
    assert all(row["sparsity"] > 0 for row in by_latency.layers)


def test_layers_that_stay_dense_are_named_with_the_reason(by_latency: Pruned) -> None:
    assert "depthwise" in by_latency.skipped["blocks.0.0"]
    assert "1 input channels" in by_latency.skipped["stem.0"]
    assert not set(by_latency.skipped) & {row["name"] for row in by_latency.layers}


def test_the_predicted_share_is_counted_in_the_emulator(by_latency: Pruned, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).standard_normal((8, 1, 49, 10)).astype(np.float32)
    counted, command = [], ["report", str(tmp_path / "sparse"), "--no-measure", "--json"]
    for name, model in (("dense", dscnn.make()), ("sparse", _pair(by_latency))):
        edge.export(model, "cortex-m7", tmp_path / name, samples, progress=False)
        counted.append(edge.bench(tmp_path / name).instructions)
    dense, sparse = counted
    layers = json.loads(CliRunner().invoke(cli, command).output)["layers"]
    beside = [row for row in layers if row["predicted_speedup"]]
    assert len(beside) == len(by_latency.layers)
    assert all(row["weight_bytes"] < row["dense_weight_bytes"] for row in beside)
    assert all(row["predicted_speedup"] > 1.2 for row in beside)
    assert dense is not None
    assert sparse is not None
    assert by_latency.predicted is not None
    assert abs(sparse / dense - by_latency.predicted["ratio"]) < 0.05


def _pair(pruned: Pruned) -> tuple[Any, Any]:
    return pruned.module, pruned.example_inputs


def test_the_same_latency_in_instructions_gives_the_same_sparsities(by_latency: Pruned) -> None:
    assert by_latency.predicted is not None
    absolute = Budget("cortex-m7", latency=0.7 * by_latency.predicted["dense"])
    again = prune(dscnn.make(), "1x4", absolute, progress=False)
    assert again.predicted == by_latency.predicted


def test_a_larger_loss_is_quicker() -> None:
    ratios = []
    for loss in (0.05, 0.3):
        pruned = prune(dscnn.make(), "1x4", Budget("cortex-m7", loss=loss), progress=False)
        assert pruned.predicted is not None
        ratios.append(pruned.predicted["ratio"])
    assert 1 > ratios[0] > ratios[1]


def test_two_of_four_stays_within_its_sparsity() -> None:
    calibration = np.random.default_rng(0).standard_normal((2, 1, 49, 10)).astype(np.float32)
    graph = edge.quantize(dscnn.make(), calibration, progress=False)
    folders = load_target("cortex-m7").kernels
    found = options(graph, folders, parse_pattern("2:4"), grid=(0.0, 0.5, 0.9))
    assert {choice.sparsity for choices in found.values() for choice in choices} == {0.0, 0.5}


@pytest.mark.parametrize("pattern", ["kernel", "channel", "2:4"])
def test_every_pattern_writes_a_model_from_the_command_line(pattern: str, tmp_path: Path) -> None:
    out = tmp_path / "pruned.pt2"
    result = run("--pattern", pattern, "--sparsity", "0.5", "-o", str(out))
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output)["layers"]
    assert rows
    assert all(abs(row["sparsity"] - 0.5) < 0.06 for row in rows)
    assert out.exists()


def test_single_layers_are_pruned_by_name(tmp_path: Path) -> None:
    out = tmp_path / "pruned.pt2"
    layers = ["--layer", "blocks.0.3=0.5", "--layer", "blocks.2.3=0.25"]
    result = run("--pattern", "4x4", *layers, "-o", str(out))
    rows = json.loads(result.output)["layers"]
    assert {row["name"]: row["sparsity"] for row in rows} == {
        "blocks.0.3": 0.5,
        "blocks.2.3": 0.25,
    }


REFUSED = {
    "nothing asked for": ([], "E0040", "--latency"),
    "two things asked for": (["--sparsity", "0.5", "--loss", "0.1"], "E0040", "give one of"),
    "no target": (["--latency", "0.5"], "E0040", "--target"),
    "an unknown target": (["--latency", "0.5", "-t", "cortex-m99"], "E0010", "cortex-m99"),
    "a latency of nothing": (["--latency", "0", "-t", "cortex-m7"], "E0050", "no latency"),
    "a loss of all": (["--loss", "1", "-t", "cortex-m7"], "E0050", "no share"),
    "a latency beyond reach": (
        ["--latency", "0.01", "-t", "cortex-m7"], "E0050", "sparsest choice takes",
    ),
    "a layer without a number": (["--layer", "blocks.0.3"], "E0040", "NAME=SPARSITY"),
    "an unknown layer": (["--layer", "blocks.0.9=0.5"], "E0043", "blocks.0.3"),
    "a layer that does not fit": (["--layer", "stem.0=0.5"], "E0042", "does not fit stem.0"),
    "all of a layer": (["--layer", "blocks.0.3=1"], "E0040", "blocks.0.3"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_met_is_refused_and_writes_nothing(name: str, tmp_path: Path) -> None:
    arguments, code, text = REFUSED[name]
    command = ["prune", MODEL, "--pattern", "1x4", *arguments, "-o", str(tmp_path / "p.pt2")]
    with pytest.raises(EdgeError) as caught:
        CliRunner().invoke(cli, [*command, "-q"], catch_exceptions=False)
    assert code in str(caught.value)
    assert text in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_channels_have_no_budget() -> None:
    with pytest.raises(EdgeError, match=r"E0050.*other layers"):
        prune(dscnn.make(), "channel", Budget("cortex-m7", latency=0.5), progress=False)


def test_a_checkpoint_of_other_sparsities_is_refused(tmp_path: Path) -> None:
    x, y = examples(64)
    training = Training(1, batch=32, progress=False)
    for sparsity in (0.5, 0.75):
        module = network()
        attach(module, parse_pattern("1x4"), sparsity)
        if sparsity == 0.5:
            train(module, x, y, training, Cubic(), checkpoint=tmp_path / "run.pt")
            continue
        with pytest.raises(EdgeError, match="E0047"):
            train(module, x, y, training, Cubic(), checkpoint=tmp_path / "run.pt")
    assert torch.load(tmp_path / "run.pt", weights_only=True)["epochs"] == 1
