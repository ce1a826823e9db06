"""Pruning as a user asks for it: `edge prune`, `edge export --prune`, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import edge
from edge.cli import cli
from edge.errors import EdgeError
from edge.ir import Graph, macs
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.weights import prunable_weights, prune_graph, sparsity_of
from edge.workflow.prune import prune
from edge.workflow.pruned import parse_request
from tests.models import dscnn

MODEL = "tests.models.dscnn:make"
FIRST = "blocks.0.3.weight"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that a network can learn: the mean is positive or negative."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    inputs = rng.standard_normal((64, 1, 49, 10)) + 2 * labels.reshape(-1, 1, 1, 1) - 1
    path = tmp_path_factory.mktemp("data") / "train.npz"
    np.savez(path, x=inputs.astype(np.float32), y=labels)
    return path


def _sparsities(graph: Graph) -> dict[str, float]:
    found = {name: sparsity_of(graph, name) for name in prunable_weights(graph)}
    return {name: share for name, share in found.items() if share > 0.1}


def test_a_function_is_pruned_trained_written_and_exported(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "pruned.pt2"
    result = CliRunner().invoke(cli, [
        "prune", MODEL, "--pattern", "1x4", "--sparsity", "0.5", "--data", str(data),
        "--epochs", "2", "--batch", "32", "-o", str(out), "-q", "--json",
    ])  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output)["layers"]
    assert [row["sparsity"] for row in rows] == [0.5] * 5
    assert len(_sparsities(edge.load(out).graph)) == 5
    exported = edge.export(out, "cortex-m7", tmp_path / "c", np.load(data)["x"], progress=False)
    sparse = [layer for layer in exported.layers if layer["sparsity"] >= 0.49]
    assert len(sparse) == 5


def test_training_moves_the_weights_that_stay(data: Path) -> None:
    module, example = dscnn.make()
    before = module(*example)
    arrays = np.load(data)
    pair = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    pruned = prune((module, example), "1x4", {"blocks.0.3": 0.5}, pair, epochs=1, batch=32)
    assert not torch.allclose(pruned.module(*example), before, atol=1e-3)
    assert [row["name"] for row in pruned.layers] == ["blocks.0.3"]


def test_a_pt2_file_can_be_pruned(data: Path, tmp_path: Path) -> None:
    module, _ = dscnn.make()
    source, x = tmp_path / "dense.pt2", torch.zeros(1, 1, 49, 10)
    torch.export.save(torch.export.export(module, (x,)), source)
    result = CliRunner().invoke(cli, [
        "prune", str(source), "--pattern", "2:4", "--sparsity", "0.5", "--data", str(data),
        "--epochs", "1", "-o", str(tmp_path / "pruned.pt2"), "-q",
    ])  # fmt: skip
    assert result.exit_code == 0, result.output
    pruned = torch.export.load(tmp_path / "pruned.pt2").module()
    weight = dict(pruned.named_parameters())["blocks.0.3.weight"]
    assert ((weight.reshape(-1, 4) != 0).sum(1) == 2).all()


def test_export_prunes_a_float_model_at_once(tmp_path: Path) -> None:
    calibration = np.random.default_rng(0).standard_normal((4, 1, 49, 10)).astype(np.float32)
    exported = edge.export(
        dscnn.make(), "cortex-m7", tmp_path / "c", calibration, prune="1x4:0.5", progress=False
    )
    sparse = {layer["name"] for layer in exported.layers if layer["sparsity"] >= 0.49}
    assert len(sparse) == 5
    assert edge.verify(tmp_path / "c", on="host", samples=3).mismatches == 0


def test_a_quantized_model_can_be_pruned_at_once(tmp_path: Path) -> None:
    calibration = np.random.default_rng(0).standard_normal((4, 1, 49, 10)).astype(np.float32)
    int8 = edge.quantize(dscnn.make(), calibration, progress=False)
    exported = edge.export(int8, "cortex-m7", tmp_path / "c", prune="1x4:0.3", progress=False)
    assert sum(layer["sparsity"] > 0.25 for layer in exported.layers) == 5


def test_removed_channels_are_folded_away_exactly(tmp_path: Path) -> None:
    calibration = np.random.default_rng(0).standard_normal((4, 1, 49, 10)).astype(np.float32)
    exported = edge.export(
        dscnn.make(), "host", tmp_path / "c", calibration, prune="channel:0.25", progress=False
    )
    dense = edge.quantize(dscnn.make(), calibration, progress=False)
    assert exported.to_json()["model"]["macs"] < 0.8 * sum(macs(dense, n) for n in dense.nodes)
    assert edge.verify(tmp_path / "c", on="host", samples=3).mismatches == 0


def test_kernel_patterns_reach_depthwise_weights() -> None:
    graph = edge.load(dscnn.make()).graph
    pruned = prune_graph(graph, parse_pattern("kernel"), 0.5)
    shares = {name: sparsity_of(pruned, name) for name, op in prunable_weights(pruned).items()
              if op == "depthwise_conv2d"}  # fmt: skip
    assert len(shares) == 4
    assert all(abs(share - 5 / 9) < 1e-6 for share in shares.values())


def test_rearranging_keeps_more_magnitude() -> None:
    rearranged = prune(dscnn.make(), "1x4", 0.5)
    plain = prune(dscnn.make(), "1x4", 0.5, rearranged=False)
    for one, other in zip(rearranged.layers, plain.layers, strict=True):
        assert one["name"] == other["name"]
        assert one["retained"] > other["retained"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--pattern", "1x4", "--sparsity", "1.0"], "E0040"),
        (["--pattern", "1x4", "--sparsity", "-0.1"], "E0040"),
        (["--pattern", "4", "--sparsity", "0.5"], "E0041"),
        (["--pattern", "7x5", "--sparsity", "0.5"], "E0042"),
        (["--pattern", "1x4", "--sparsity", "0.5", "--epochs", "1"], "E0030"),
        (["--pattern", "1x4", "--sparsity", "0.5", "--criterion", "best"], "E0041"),
    ],
)
def test_bad_requests_write_nothing(arguments: list[str], code: str, tmp_path: Path) -> None:
    out = tmp_path / "pruned.pt2"
    with pytest.raises(EdgeError, match=code):
        CliRunner().invoke(
            cli, ["prune", MODEL, *arguments, "-o", str(out)], catch_exceptions=False
        )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("request_", "code"),
    [("1x4", "E0041"), ("1x4:1", "E0040"), (":0.5", "E0041"), ("a:b", "E0041")],
)
def test_bad_export_requests_are_refused(request_: str, code: str) -> None:
    with pytest.raises(EdgeError, match=code):
        parse_request(request_)


def test_requests_name_a_pattern_and_a_sparsity() -> None:
    pattern, sparsity = parse_request("2:4:0.5")
    assert (str(pattern), sparsity) == ("2:4", 0.5)


def test_a_tflite_file_is_refused_with_the_way_that_works(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="export --prune"):
        prune("model.tflite", "1x4", 0.5)


def test_data_of_another_shape_is_refused_with_the_models(tmp_path: Path) -> None:
    path = tmp_path / "train.npz"
    np.savez(path, x=np.zeros((4, 3, 8, 8), np.float32), y=np.zeros(4, np.int64))
    with pytest.raises(EdgeError, match=r"\[1, 49, 10\]"):
        prune(dscnn.make(), "1x4", 0.5, path, epochs=1)


def test_layers_of_a_module_are_named_in_errors() -> None:
    module = nn.Sequential(nn.Linear(6, 6))
    with pytest.raises(EdgeError, match="does not fit 0"):
        prune((module, (torch.zeros(1, 6),)), "1x4", {"0": 0.5})
