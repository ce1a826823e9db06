"""Schedules: each ends at its sparsity, learns, resumes bit for bit; and what is its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.sparsity.masked import attach, bake, masks, sparse_layers, sparsity_of
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.schedules.ast import AdaptiveSparse
from edge.sparsity.schedules.bdwp import Bdwp, backward_weight
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.gradient_flow import GradientFlow
from edge.sparsity.schedules.mask_sparsity import MaskSparsity
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.schedules.regrowth import Regrowth
from edge.sparsity.schedules.rewinding import Rewinding
from edge.sparsity.schedules.schedule import Schedule
from edge.sparsity.schedules.sr_ste import SrSte
from edge.sparsity.soups import soup
from edge.sparsity.training import Training, train
from tests.sparsity.tasks import examples, network, right

SCHEDULES = {
    "one shot": OneShot(),
    "cubic": Cubic(every=2),
    "rewinding": Rewinding(rounds=2),
    "set": Regrowth("random", every=3),
    "rigl": Regrowth("gradient", every=3),
    "sr-ste": SrSte(),
    "ast": AdaptiveSparse(every=2),
    "gradient flow": GradientFlow(every=1),
    "bdwp": Bdwp(),
    "mask sparsity": MaskSparsity(),
}
DENSE_GRADIENT = ("rigl", "sr-ste", "ast", "bdwp")
TRAINING = Training(6, batch=32, rate=0.1, progress=False)


def _attached(name: str, pattern: str = "1x4") -> nn.Module:
    module = network()
    attach(
        module, parse_pattern(pattern), {"0": 0.5, "3": 0.5}, dense_gradient=name in DENSE_GRADIENT
    )
    return module


CASES = [(name, pattern) for name in SCHEDULES for pattern in ("1x4", "2:4")
         if pattern == "1x4" or name not in ("set", "rigl")]  # fmt: skip


@pytest.mark.parametrize(("name", "pattern"), CASES)
def test_every_schedule_ends_at_its_sparsity_and_learns(name: str, pattern: str) -> None:
    module = train(_attached(name, pattern), *examples(), TRAINING, SCHEDULES[name])
    reached = sparsity_of(bake(module))
    assert reached == {"0": 0.5, "3": 0.5, "5": 0.0}
    assert right(module) > 0.95


class _CutOff(Exception):
    """The power fails."""


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_resumed_run_ends_with_the_bits_of_an_unbroken_one(name: str, tmp_path: Path) -> None:
    unbroken = train(_attached(name), *examples(), TRAINING, SCHEDULES[name])

    def fail_after_two(epoch: int, loss: float) -> None:
        if epoch == 2:
            raise _CutOff

    broken = replace(TRAINING, after_epoch=fail_after_two)
    file = tmp_path / "run.checkpoint"
    with pytest.raises(_CutOff):
        train(_attached(name), *examples(), broken, SCHEDULES[name], checkpoint=file)
    resumed = train(_attached(name), *examples(), TRAINING, SCHEDULES[name], checkpoint=file)
    ended, expected = resumed.state_dict(), unbroken.state_dict()
    assert set(ended) == set(expected)
    assert all(torch.equal(ended[key], expected[key]) for key in expected)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.checkpoint"
    once = replace(TRAINING, epochs=1)
    train(_attached(""), *examples(), once, OneShot(), checkpoint=file)
    with pytest.raises(EdgeError, match="E0047"):
        train(_attached(""), *examples(), once, Cubic(), checkpoint=file)


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    with pytest.raises(EdgeError, match="E0046"):
        train(network(), *examples(), replace(TRAINING, rate=1e6))


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(at_once: int) -> None:
    plain = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    start = {name: value.clone() for name, value in plain.state_dict().items()}
    whole = train(plain, *examples(), replace(TRAINING, epochs=1))
    expected = {name: value.clone() for name, value in whole.state_dict().items()}
    plain.load_state_dict(start)
    train(plain, *examples(), replace(TRAINING, epochs=1, at_once=at_once))
    assert all(torch.allclose(v, expected[n], atol=1e-5) for n, v in plain.state_dict().items())


def test_regrowth_moves_the_mask_and_keeps_its_size() -> None:
    module, seen = _attached("rigl"), []

    class Watched(Regrowth):
        """Notes the masks after each step."""

        def stepped(self, module: nn.Module, step: int, steps: int) -> None:
            seen.append({name: mask.clone() for name, mask in masks(module).items()})

    train(module, *examples(), TRAINING, Watched("gradient", every=3))
    assert all(mask.sum() == mask.numel() / 2 for step in seen for mask in step.values())
    assert any(not torch.equal(seen[0][name], seen[-1][name]) for name in seen[0])


def test_regrowth_refuses_patterns_that_cannot_be_sparser() -> None:
    with pytest.raises(EdgeError, match="SrSte"):
        train(_attached("set", "2:4"), *examples(), TRAINING, SCHEDULES["set"])


def test_rigl_grows_where_the_gradient_is_largest() -> None:
    module = _attached("rigl")
    schedule = Regrowth("gradient", every=1, share=0.2, first="l1")
    schedule.begin(module, 10)
    sparse = sparse_layers(module)[0]
    gradient = torch.zeros_like(sparse.original)
    removed = (~sparse.masked.mask).nonzero()[0]
    gradient[removed[0], removed[1] // 4 * 4 : removed[1] // 4 * 4 + 4] = 1.0
    for layer in sparse_layers(module):
        layer.original.grad = torch.zeros_like(layer.original)
    sparse.original.grad = gradient
    schedule.gradients_ready(module, 1, 10)
    assert sparse.masked.mask[removed[0], removed[1]]
    assert sparse.original[removed[0], removed[1]] == 0


def test_rewinding_goes_back_to_the_early_values() -> None:
    module, seen = _attached("rewinding"), {}

    class Watched(Rewinding):
        """Keeps the weights of the step that is rewound to, and those after rewinding."""

        def stepped(self, module: nn.Module, step: int, steps: int) -> None:
            seen[step, "before"] = module[3].parametrizations.weight.original.detach().clone()
            super().stepped(module, step, steps)
            seen[step, "after"] = module[3].parametrizations.weight.original.detach().clone()

    train(module, *examples(), TRAINING, Watched(rounds=2, early=0.25))
    assert torch.equal(seen[15, "after"], seen[4, "before"])
    assert not torch.equal(seen[15, "before"], seen[15, "after"])


def test_bdwp_sends_gradients_through_weights_pruned_the_other_way() -> None:
    module = _attached("bdwp", "2:4")
    schedule = Bdwp()
    schedule.prepare(module)
    schedule.begin(module, 1)
    module.train()
    x = torch.randn(8, 16, requires_grad=True)
    layer = module[0]
    layer(x).sum().backward()
    sparse = sparse_layers(module)[0]
    expected = backward_weight(sparse)
    assert torch.allclose(x.grad, expected.sum(0).expand(8, -1), atol=1e-5)
    assert ((expected.reshape(8, 4, 16) != 0).sum(1) == 2).all()
    assert torch.allclose(layer(x), nn.functional.linear(x, layer.weight, layer.bias), atol=1e-5)
    schedule.finish(module)
    assert not layer._forward_hooks


def test_mask_sparsity_shrinks_only_what_goes() -> None:
    norms = {}
    for strength in (0.0, 0.05):
        module = _attached("mask sparsity")
        schedule = MaskSparsity(strength=strength, until=2.0)
        train(module, *examples(), TRAINING, schedule)
        sparse = sparse_layers(module)[1]
        kept = sparse.masked.mask
        norms[strength] = [float(sparse.original.detach()[m].abs().mean()) for m in (kept, ~kept)]
    assert norms[0.05][1] < 0.5 * norms[0.0][1]
    assert norms[0.05][0] > 0.7 * norms[0.0][0]


def test_a_soup_has_the_mean_weights_and_the_masks() -> None:
    members = []
    pruned = train(_attached(""), *examples(), TRAINING, OneShot()).state_dict()
    for seed in range(3):
        member = _attached("")
        member.load_state_dict(pruned)
        training = replace(TRAINING, seed=seed, rate=0.02)
        members.append(train(member, *examples(), training, Schedule()))
    mixed = soup(members)
    means = torch.stack([member[3].weight for member in members]).mean(0)
    assert torch.allclose(mixed[3].weight, means, atol=1e-6)
    assert sparsity_of(mixed)["3"] == 0.5
    assert right(mixed) > 0.95


def test_members_of_a_soup_must_share_their_masks() -> None:
    one, other = _attached(""), _attached("")
    OneShot("random", seed=0).begin(one, 1)
    OneShot("random", seed=1).begin(other, 1)
    with pytest.raises(EdgeError, match="E0044"):
        soup([one, other])
