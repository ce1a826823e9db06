"""LT-SFT on a small net: what is chosen, what moves, what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.tuning.adapters import combine, fuse, load_adapter
from edge.tuning.attach import attach
from edge.tuning.sparse import SparseConfig, SparseTuner

INPUTS = torch.randn(16, 6, generator=torch.Generator().manual_seed(3))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))


def flat(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def train(model: nn.Module, tuner: SparseTuner, target: float, steps: int = 5) -> None:
    optimizer = torch.optim.Adam(tuner.parameters(), 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(INPUTS) - target).square().mean().backward()
        optimizer.step()


def tuned(target: float) -> tuple[nn.Module, SparseTuner]:
    model = net()
    tuner = SparseConfig(0.1).attach(model)
    train(model, tuner, target)
    tuner.select()
    train(model, tuner, target)
    return model, tuner


def test_only_the_largest_changes_of_the_first_run_move_in_the_second() -> None:
    model, start = net(), flat(net())
    tuner = SparseConfig(0.1).attach(model)
    train(model, tuner, 1.0)
    change = (flat(model) - start).abs()
    tuner.select()
    assert torch.equal(flat(model), start)
    train(model, tuner, 1.0)
    moved = flat(model) != start
    assert moved.sum() == round(0.1 * len(start))
    assert change[moved].min() >= change[~moved].max()


def test_revert_restores_bits() -> None:
    _, tuner = tuned(1.0)
    assert torch.equal(flat(tuner.revert()), flat(net()))


def test_what_an_optimizer_moves_beside_is_not_merged() -> None:
    model, tuner = tuned(1.0)
    wanted = flat(model)
    others = wanted == flat(net())
    with torch.no_grad():
        nn.utils.vector_to_parameters(wanted + 0.5 * others, model.parameters())
    assert torch.equal(flat(tuner.merge()), wanted)


def test_two_exported_tasks_add(tmp_path: Path) -> None:
    start, changes = flat(net()), []
    for task, target in enumerate((1.0, -2.0)):
        model, tuner = tuned(target)
        tuner.export(tmp_path / f"{task}")
        changes.append(flat(model) - start)
    both = combine([load_adapter(tmp_path / f"{task}") for task in range(2)], [1.0, 0.5])
    base = net()
    fused = fuse(base, both)
    torch.testing.assert_close(flat(base), start + changes[0] + 0.5 * changes[1])
    fused.revert()
    assert torch.equal(flat(base), start)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_out_of_range_is_an_error(share: float) -> None:
    with pytest.raises(EdgeError, match="E0081"):
        attach(net(), SparseConfig(share))


def test_named_layers_alone_are_tuned() -> None:
    model = net()
    tuner = SparseConfig(0.25, targets=("2",)).attach(model)
    train(model, tuner, 1.0)
    tuner.select()
    train(model, tuner, 1.0)
    state = tuner.state()
    assert set(state) <= {"2.weight", "2.bias"}
    assert sum(len(change.index) for change in state.values()) == round(0.25 * 18)
    moved = flat(model) != flat(net())
    assert not moved[: 6 * 8 + 8].any()
    assert torch.equal(flat(tuner.revert()), flat(net()))
