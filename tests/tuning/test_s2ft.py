"""S2FT on the real small model: function, gradients, memory, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.tuning.adapters import fuse, load_adapter
from edge.tuning.attach import attach
from edge.tuning.s2ft import S2FTConfig
from tests.bench.s2ft_memory import rows
from tests.models.stories260k import load_stories, needs_stories

CONFIG = S2FTConfig(channels=16, heads=3, seed=5)
IDS = torch.randint(3, 512, (2, 24), generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    result: torch.Tensor = model(IDS).logits
    return result


def bits(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def step(model: Any, tuner: Any, rate: float = 0.5) -> None:
    model(IDS, labels=IDS).loss.backward()
    torch.optim.SGD(list(tuner.parameters()), rate).step()


@needs_stories
def test_choosing_leaves_the_function() -> None:
    model, dense = load_stories(), load_stories()
    attach(model, CONFIG)
    assert not torch.equal(model.state_dict()["model.layers.0.mlp.up_proj.weight"],
                           dense.state_dict()["model.layers.0.mlp.up_proj.weight"])  # fmt: skip
    assert (logits(model) - logits(dense)).abs().max() < 1e-4


@needs_stories
def test_the_gradient_is_the_slice_of_the_dense_one() -> None:
    model, dense = load_stories(), load_stories()
    tuner = attach(model, CONFIG)
    for each in (model, dense):
        each(IDS, labels=IDS).loss.backward()
    weights = dict(dense.named_parameters())
    for (name, delta), part in zip(tuner.state().items(), tuner.parameters(), strict=True):
        wanted = weights[name].grad[:, delta.index]
        assert wanted.abs().max() > 1e-4
        torch.testing.assert_close(part.grad, wanted, rtol=1e-3, atol=2e-6)


@needs_stories
def test_revert_restores_bits_and_gradients() -> None:
    model = load_stories()
    before = bits(model)
    tuner = attach(model, CONFIG)
    step(model, tuner)
    assert same(bits(tuner.revert()), before)
    assert all(p.requires_grad for p in model.parameters())


@needs_stories
def test_merged_exported_and_tuned_are_one_function(tmp_path: Path) -> None:
    model, other = load_stories(), load_stories()
    tuner = attach(model, CONFIG)
    step(model, tuner)
    tuned, base, before = logits(model), logits(other), bits(other)
    tuner.export(tmp_path / "adapter.safetensors")
    assert (tuned - base).abs().max() > 1e-2
    assert (logits(tuner.merge()) - tuned).abs().max() < 1e-4
    fused = fuse(other, load_adapter(tmp_path / "adapter.safetensors"))
    assert (logits(other) - tuned).abs().max() < 1e-4
    fused.revert()
    assert same(bits(other), before)


@needs_stories
def test_less_is_saved_for_backward_than_by_full_tuning_and_lora() -> None:
    full, lora, sliced = (row.saved_bytes for row in rows(batch=2, length=128))
    assert sliced <= 0.7 * full
    assert sliced < lora < full


@needs_stories
@pytest.mark.parametrize("config", [S2FTConfig(173, 1), S2FTConfig(16, 9), S2FTConfig(0, 1)])
def test_more_than_there_is_cannot_be_tuned(config: S2FTConfig) -> None:
    model = load_stories()
    before = bits(model)
    with pytest.raises(EdgeError, match="E0081"):
        attach(model, config)
    assert same(bits(model), before)
