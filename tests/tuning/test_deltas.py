"""Adapters as sparse changes: sums, exchange, exact removal, errors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.tuning.adapters import combine, fuse, load_adapter, save_adapter
from edge.tuning.changes import Adapter
from edge.tuning.deltas import Delta


def columns(seed: int) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randperm(6, generator=generator)[:3]
    return {"weight": Delta(index, torch.randn(4, 3, generator=generator), (4, 6))}


def entries(seed: int) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randperm(24, generator=generator)[:9]
    return {"weight": Delta(index, torch.randn(9, generator=generator), (4, 6))}


def dense(adapter: Adapter) -> torch.Tensor:
    delta, change = adapter["weight"], torch.zeros(4, 6)
    if delta.values.ndim == 1:
        change.view(-1)[delta.index] = delta.values
    else:
        change[:, delta.index] = delta.values
    return change


def test_a_sum_of_columns_and_entries_is_the_dense_sum() -> None:
    total = combine([columns(0), entries(1), columns(2)], [1.0, -0.5, 2.0])
    wanted = dense(columns(0)) - 0.5 * dense(entries(1)) + 2 * dense(columns(2))
    torch.testing.assert_close(dense(total), wanted)


def test_switching_leaves_nothing_of_the_adapter_before() -> None:
    layer = nn.Linear(6, 4)
    before = layer.weight.detach().clone()
    fused = fuse(layer, columns(0))
    fused.switch(entries(1))
    assert torch.equal(layer.weight, before + dense(entries(1)))
    fused.revert()
    fused.revert()
    assert torch.equal(layer.weight, before)


def test_an_adapter_for_another_model_changes_nothing() -> None:
    layer = nn.Linear(6, 4)
    before = layer.weight.detach().clone()
    for wrong in ({"other": columns(0)["weight"]}, {"bias": entries(0)["weight"]}):
        with pytest.raises(EdgeError, match="E0080"):
            fuse(layer, {**columns(1), **wrong})
    assert torch.equal(layer.weight, before)


def test_adapters_of_different_shapes_do_not_add() -> None:
    other = {"weight": Delta(torch.tensor([0]), torch.ones(4, 1), (4, 3))}
    with pytest.raises(EdgeError, match="E0080"):
        combine([columns(0), other], [1.0, 1.0])
    with pytest.raises(EdgeError, match="E0082"):
        combine([columns(0)], [])


@pytest.mark.parametrize(
    ("index", "values", "told"),
    [
        ([0, 9], [[1.0, 2.0]] * 3, "outside"),
        ([1, 1], [[1.0, 2.0]] * 3, "twice"),
        ([0, 1], [[1.0, 2.0]] * 2, "2 places"),
        ([0, 1], [[1.0, float("nan")]] * 3, "not finite"),
    ],
)
def test_a_damaged_adapter_is_one_clear_error(tmp_path, index, values, told):
    delta = Delta(torch.tensor(index), torch.tensor(values), (3, 4))
    save_adapter({"weight": delta}, tmp_path / "adapter.safetensors")
    with pytest.raises(EdgeError, match="E0083") as caught:
        load_adapter(tmp_path / "adapter.safetensors")
    assert told in str(caught.value)


def test_a_file_cut_short_is_one_clear_error(tmp_path):
    save_adapter({}, tmp_path / "adapter.safetensors")
    (tmp_path / "adapter.safetensors").write_bytes(b"x")
    with pytest.raises(EdgeError, match="E0083"):
        load_adapter(tmp_path / "adapter.safetensors")
