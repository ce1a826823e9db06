"""Float models with transposed convolutions, recurrent layers and operands of any shapes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import edge
from tests.models import lstm
from tests.models.seeded import seeded


class Sequences(nn.Module):
    """GRU, LSTM, general broadcasting, a transposed convolution; input [1, 6, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 7, batch_first=True)
        self.lstm = nn.LSTM(7, 4, batch_first=True)
        self.spread = nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, _ = self.lstm(self.gru(x)[0])
        columns, rows = x.reshape(1, 4, 1, 6), x.reshape(1, 4, 6, 1)
        image = (columns + rows) * rows - columns
        return torch.relu(self.spread(image))


NEEDS = {
    "host": None, "wasm32": None, "aarch64": "qemu-aarch64", "cortex-m7": "qemu-system-arm",
}  # fmt: skip


@pytest.fixture(scope="module")
def network() -> tuple[nn.Module, tuple[torch.Tensor]]:
    return seeded(Sequences), (torch.randn(1, 6, 5, generator=torch.manual_seed(4)),)


@pytest.mark.parametrize("precision", ["fp32", "fp32-fused"])
@pytest.mark.parametrize("target", NEEDS)
def test_every_target_gives_the_bits_of_numpy(
    network: Any, target: str, precision: str, tmp_path: Path
) -> None:
    if NEEDS[target] and not shutil.which(str(NEEDS[target])):
        pytest.skip(f"needs {NEEDS[target]}")
    made = edge.export(network, target, tmp_path / "out", precision=precision, progress=False)
    assert edge.verify(tmp_path / "out").mismatches == 0
    form = "fused_f32" if precision == "fp32-fused" else "f32"
    kernels = {layer["kernel"] for layer in made.layers}
    expected = {f"ref/{op}_{form}" for op in ("gru", "lstm", "conv_transpose2d")}
    assert kernels >= expected | {"ref/add_broadcast_f32", "ref/mul_broadcast_f32"}


@pytest.mark.parametrize("precision", ["fp32", "fp32-fused"])
def test_results_are_those_of_torch(network: Any, precision: str, tmp_path: Path) -> None:
    module, (x,) = network
    edge.export(network, "host", tmp_path / "out", precision=precision, progress=False)
    (made,) = edge.run(tmp_path / "out", [x.numpy()])
    with torch.no_grad():
        expected = module(x).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)


def test_hidden_and_cell_values_live_on_from_call_to_call(tmp_path: Path) -> None:
    module, (x,) = lstm.make()
    edge.export((module, (x,)), "host", tmp_path / "out", precision="fp32", progress=False)
    assert edge.verify(tmp_path / "out").mismatches == 0
