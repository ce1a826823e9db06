"""Engines that do not round a multiply-add once run no model of fused arithmetic."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

import edge
from edge.errors import EdgeError
from edge.runners import known_answer, wasm
from tests.models.seeded import seeded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fused") / "out"
    module = seeded(lambda: nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()))
    x = torch.zeros(1, 3, 4, 4)
    edge.export((module, (x,)), "wasm32-relaxed", out, precision="fp32-fused", progress=False)
    return out


@pytest.mark.parametrize("answer", [known_answer.TWICE, 1.0])
def test_another_answer_is_refused(
    folder: Path, answer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    assert edge.verify(folder).mismatches == 0
    monkeypatch.setattr(wasm, "ONCE", answer)
    with pytest.raises(EdgeError, match="E0405"):
        edge.verify(folder)


def test_an_engine_without_relaxed_simd_is_named(folder: Path) -> None:
    try:
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("node is missing: apt-get install nodejs")
    if int(version.stdout.removeprefix("v").split(".")[0]) >= 21:
        assert edge.verify(folder, on="node").mismatches == 0
        return
    with pytest.raises(EdgeError, match="E0405"):
        edge.verify(folder, on="node")
