"""What holds for every method: exported, merged, added up, exchanged and taken out again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.tuning.adapters import combine, fuse, load_adapter, save_adapter
from edge.tuning.attach import attach
from edge.tuning.changes import Adapter
from edge.tuning.dsee import DSEEConfig
from edge.tuning.dylora import DyLoRAConfig
from edge.tuning.generative import GenerativeConfig
from edge.tuning.ist import ISTConfig
from edge.tuning.lora import LoRAConfig
from edge.tuning.mosa import MoSAConfig
from edge.tuning.res_adapter import ResAdapterConfig
from edge.tuning.s2ft import S2FTConfig
from edge.tuning.sparse import SparseConfig
from edge.tuning.vl_adapter import VLAdapterConfig
from tests.tuning.networks import (
    IDS,
    bits,
    language_model,
    loss,
    output,
    same,
    train,
    unet,
)  # fmt: skip


def by_drawing(model: nn.Module, tuner: Any) -> None:
    train(model, tuner.parameters(), before=tuner.draw)


def by_parts(model: nn.Module, tuner: Any) -> None:
    by_drawing(model, tuner)
    tuner.whole()


def by_importance(model: nn.Module, tuner: Any) -> None:
    by_drawing(model, tuner)
    tuner.learn_importance(lambda: float(loss(model)))


def by_selection(model: nn.Module, tuner: Any) -> None:
    train(model, tuner.parameters())
    tuner.select()
    train(model, tuner.parameters())


def by_pruning(model: nn.Module, tuner: Any) -> None:
    train(model, tuner.parameters())
    tuner.prune(0.25)
    train(model, tuner.parameters())


def by_reading(model: nn.Module, tuner: Any) -> None:
    tuner.read(IDS)
    for layer in tuner.layers.values():
        nn.init.normal_(layer.up, std=0.1)


@dataclass(frozen=True)
class Case:
    config: Any
    tune: Callable[[nn.Module, Any], None] = lambda model, tuner: train(model, tuner.parameters())
    make: Callable[[], nn.Module] = language_model


EVERYWHERE = ("q_proj", "v_proj", "down_proj")
CASES = {
    "lora": Case(LoRAConfig(rank=2, targets=EVERYWHERE)),
    "dylora": Case(DyLoRAConfig(rank=4, targets=EVERYWHERE), by_drawing),
    "ist": Case(ISTConfig(LoRAConfig(rank=2), share=0.5), by_importance),
    "dsee": Case(DSEEConfig(rank=2, entries=8), by_pruning),
    "dsee inputs": Case(DSEEConfig(2, 8, group=8, targets=("o_proj",)), by_pruning),
    "mosa": Case(MoSAConfig(bottleneck=8), by_parts),
    "generative": Case(GenerativeConfig(width=12, rank=3, window=8), by_reading),
    "vl-adapter": Case(VLAdapterConfig(("a", "b"))),
    "res-adapter": Case(ResAdapterConfig(rank=2), make=unet),
    "convolutions": Case(LoRAConfig(rank=2, targets=("conv1", "conv_in")), make=unet),
    "s2ft": Case(S2FTConfig(4, 1)),
    "sparse": Case(SparseConfig(0.1), by_selection),
}
SEEDED = [name for name in CASES if name != "sparse"]
every = pytest.mark.parametrize("name", CASES)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Tuned:
    output: torch.Tensor
    merged: torch.Tensor
    state: Adapter


@cache
def tuned(name: str, seed: int = 0) -> Tuned:
    case = CASES[name]
    model = case.make()
    torch.manual_seed(seed)
    config = replace(case.config, seed=seed) if name in SEEDED and name != "ist" else case.config
    tuner = attach(model, config)
    case.tune(model, tuner)
    state, made = tuner.state(), output(model)
    return Tuned(made, output(tuner.merge()), state)


@every
def test_attaching_leaves_the_function_and_tuning_changes_it(name: str) -> None:
    model = CASES[name].make()
    before = output(model)
    attach(model, CASES[name].config)
    assert (output(model) - before).abs().max() < 1e-5
    assert (tuned(name).output - before).abs().max() > 1e-3


@every
def test_tuned_merged_and_exported_are_one_function(name: str, tmp_path: Path) -> None:
    found, other = tuned(name), CASES[name].make()
    before = bits(other)
    assert (found.merged - found.output).abs().max() < 2e-5
    save_adapter(found.state, tmp_path / "adapter")
    fused = fuse(other, load_adapter(tmp_path / "adapter"))
    assert (output(other) - found.output).abs().max() < 2e-5
    fused.revert()
    assert same(bits(other), before)


@every
def test_revert_restores_bits_and_gradients(name: str) -> None:
    case = CASES[name]
    model = case.make()
    before = bits(model)
    tuner = attach(model, case.config)
    case.tune(model, tuner)
    assert same(bits(tuner.revert()), before)
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("s2ft", "sparse")])
def test_the_base_does_not_change_while_tuning(name: str) -> None:
    """All but norms; S2FT reorders the base and gives it back, LT-SFT tunes it."""
    case = CASES[name]
    model = case.make()
    own = {n: p for n, p in model.named_parameters() if ".norm" not in n and "norm." not in n}
    before = {n: p.detach().clone() for n, p in own.items() if "layernorm" not in n}
    case.tune(model, attach(model, case.config))
    assert all(torch.equal(own[name], value) for name, value in before.items())


@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith("dsee")])
def test_a_sum_has_the_weighted_change_of_each(name: str) -> None:
    """For bottlenecks that of what they add; there both must follow the same layers."""
    states = [tuned(name, seed).state for seed in (0, 1)]
    both = combine(states, [1.0, -0.5])
    assert both.keys() == states[0].keys() | states[1].keys()
    for place, change in both.items():
        if change.kind.startswith("bottleneck"):
            given = torch.randn(3, *change.size)
            changed = [state[place](given) - given for state in states]  # type: ignore[operator]
            wanted, made = changed[0] - 0.5 * changed[1], change(given) - given  # type: ignore[operator]
        else:
            zero = torch.zeros(change.size)
            wanted = sum(
                w * s[place].on(zero)  # type: ignore[attr-defined]
                for s, w in zip(states, (1.0, -0.5), strict=True)
                if place in s
            )
            made = change.on(zero)  # type: ignore[attr-defined]
        torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-6)


@every
def test_switching_leaves_nothing_of_the_adapter_before(name: str) -> None:
    model, other = CASES[name].make(), CASES[name].make()
    before, second = bits(model), tuned(name, 1).state
    fused = fuse(model, tuned(name).state)
    fused.switch(second)
    fuse(other, second)
    assert same(bits(model), bits(other))
    fused.revert()
    assert same(bits(model), before)


def test_adapters_of_different_methods_add_up() -> None:
    """Low rank on two layers, columns on one of them."""
    low, columns = tuned("lora").state, tuned("s2ft").state
    both, base = combine([low, columns], [1.0, 1.0]), language_model()
    shared = "model.layers.1.mlp.down_proj.weight"
    assert both[shared].kind == "mixed"
    weight = base.get_parameter(shared).detach().clone()
    fuse(base, both)
    wanted = low[shared].on(columns[shared].on(weight))  # type: ignore[attr-defined]
    torch.testing.assert_close(base.get_parameter(shared).detach(), wanted)


def test_what_removes_different_weights_has_no_sum() -> None:
    states = [tuned("dsee", seed).state for seed in (0, 1)]
    with pytest.raises(EdgeError, match="E0086"):
        combine(states, [1.0, 1.0])
    first = combine([states[0], states[0]], [0.5, 0.5])
    for name, change in first.items():
        weight = torch.randn(change.size)
        torch.testing.assert_close(change.on(weight), states[0][name].on(weight))  # type: ignore[attr-defined]


def test_bottlenecks_of_two_activations_have_no_sum() -> None:
    states = []
    for activation in ("relu", "gelu"):
        model = language_model()
        states.append(attach(model, MoSAConfig(8, activation=activation)).state())
    with pytest.raises(EdgeError, match="E0086"):
        combine(states, [1.0, 1.0])


@pytest.mark.parametrize("name", ["lora", "dsee", "mosa", "vl-adapter"])
def test_an_adapter_of_another_model_changes_nothing(name: str) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=24, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1,
    )  # fmt: skip
    other = LlamaForCausalLM(config)
    before = bits(other)
    with pytest.raises(EdgeError, match="E0080"):
        fuse(other, tuned(name).state)
    fused = fuse(model := language_model(), tuned("mosa").state)
    inside = bits(model)
    with pytest.raises(EdgeError, match="E0080"):
        fused.switch({"nowhere": next(iter(tuned(name).state.values()))})
    assert same(bits(other), before)
    assert same(bits(model), inside)


@pytest.mark.parametrize(
    "name", ["lora", "dylora", "mosa", "vl-adapter", "res-adapter", "s2ft", "sparse"]
)
def test_a_change_that_is_no_number_is_neither_written_nor_merged(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    model = case.make()
    tuner = attach(model, case.config)
    with torch.no_grad():
        next(iter(tuner.parameters())).fill_(float("nan"))
    with pytest.raises(EdgeError, match="E0088"):
        tuner.export(tmp_path / "adapter")
    with pytest.raises(EdgeError, match="E0088"):
        tuner.merge()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "config",
    [
        LoRAConfig(rank=0), LoRAConfig(targets=("nothing",)), DyLoRAConfig(rank=2, minimum=3),
        ISTConfig(share=0.0), DSEEConfig(rank=0), DSEEConfig(group=5), MoSAConfig(parts=0),
        MoSAConfig(8, 9), MoSAConfig(activation="step"), MoSAConfig(dense="sideways"),
        GenerativeConfig(width=4, rank=8), VLAdapterConfig(()), VLAdapterConfig(("a",), "some"),
        ResAdapterConfig(),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_leave_the_model_as_it_was(config: Any) -> None:
    model = language_model()
    before = bits(model)
    with pytest.raises(EdgeError, match="E0081"):
        attach(model, config)
    assert same(bits(model), before)
    assert all(p.requires_grad for p in model.parameters())
