"""Recurrent modules and buffers that live on: the imported graph computes what torch does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edge import reference
from edge.errors import EdgeError
from edge.frontends.torch_export import export_module, load_torch
from tests.frontends.torch_oracle import check_import, imported, noise, operators


class Steps(nn.Module):
    """[1, steps, features] through a module that takes the steps first."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x.transpose(0, 1))[0].transpose(0, 1)


class Flat(nn.Module):
    """Sequence, last hidden and last cell values as three outputs."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor, *initial: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y, (hidden, cells) = self.module(x, tuple(initial)) if initial else self.module(x)
        return y, hidden, cells


class Cell(nn.Module):
    """A cell fed one frame a call, with its hidden values in a buffer."""

    def __init__(self, cell: nn.Module, units: int) -> None:
        super().__init__()
        self.cell = cell
        self.register_buffer("hidden", torch.full((1, units), 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.cell(x, self.hidden)
        self.hidden.copy_(hidden)
        return hidden * 2


def seeded(module_class: type[nn.Module], *args, **kwargs) -> nn.Module:
    torch.manual_seed(0)
    return module_class(*args, **kwargs)


def test_gru_is_one_node() -> None:
    graph = check_import(seeded(nn.GRU, 5, 6, batch_first=True), noise(1, 7, 5))
    assert operators(graph) == ["gru", "slice"]


def test_gru_without_biases() -> None:
    check_import(seeded(nn.GRU, 5, 6, batch_first=True, bias=False), noise(1, 4, 5))


def test_layers_are_nodes() -> None:
    graph = check_import(seeded(nn.GRU, 5, 6, num_layers=3, batch_first=True), noise(1, 7, 5))
    assert operators(graph).count("gru") == 3


def test_gru_that_takes_the_steps_first() -> None:
    check_import(Steps(seeded(nn.GRU, 5, 6)), noise(1, 7, 5))


def test_gru_with_given_hidden_values() -> None:
    module = seeded(nn.GRU, 5, 6, batch_first=True)
    check_import(module, noise(1, 7, 5), noise(1, 1, 6, seed=1))


def test_gru_cell() -> None:
    check_import(seeded(nn.GRUCell, 5, 6), noise(1, 5), noise(1, 6, seed=1))


@pytest.mark.parametrize("layers", [1, 2])
def test_lstm(layers: int) -> None:
    module = Flat(seeded(nn.LSTM, 5, 6, num_layers=layers, batch_first=True))
    graph = check_import(module, noise(1, 7, 5))
    assert operators(graph).count("lstm") == layers


def test_lstm_with_given_values() -> None:
    module = Flat(seeded(nn.LSTM, 5, 6, batch_first=True))
    check_import(module, noise(1, 7, 5), noise(1, 1, 6, seed=1), noise(1, 1, 6, seed=2))


def test_lstm_cell() -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = seeded(nn.LSTMCell, 5, 6)

        def forward(self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor):
            return self.cell(x, (h, c))

    check_import(Step(), noise(1, 5), noise(1, 6, seed=1), noise(1, 6, seed=2))


def test_a_cell_with_its_hidden_values_in_a_buffer_streams_as_torch_does() -> None:
    module = Cell(seeded(nn.GRUCell, 5, 6), 6)
    graph = imported(module, noise(1, 5))
    module = Cell(module.cell, 6)
    frames = noise(9, 5, seed=2)
    with torch.no_grad():
        expected = torch.cat([module(frames[i : i + 1]) for i in range(9)])
    [made] = reference.run_batch(graph, [frames.numpy()])
    np.testing.assert_allclose(made, expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "shape", "problem"),
    [
        (nn.GRU(5, 6, bidirectional=True, batch_first=True), (1, 7, 5), "only one direction"),
        (nn.GRU(5, 6), (1, 2, 5), "a batch of 2"),
        (nn.LSTM(5, 6, proj_size=3, batch_first=True), (1, 7, 5), "projections"),
    ],
)
def test_what_is_not_supported_is_named_with_its_layer(
    module: nn.Module, shape: tuple[int, ...], problem: str
) -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)[0]

    with pytest.raises(EdgeError) as raised:
        load_torch(export_module(Holder(), (noise(*shape),)))
    found = raised.value.diagnostics[0]
    assert problem in found.title
    assert "layer inner" in found.where
