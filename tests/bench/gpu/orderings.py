"""Orderings of tuning methods against LoRA and plain adapters, at equal trainable parameters.

A small model is trained on Python code and tuned to English; nats a byte on held-out English. Needs
no GPU: one makes it faster.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import torch

from edge.tuning.attach import attach
from edge.tuning.dsee import DSEEConfig
from edge.tuning.dylora import DyLoRAConfig
from edge.tuning.ist import ISTConfig
from edge.tuning.lora import LoRAConfig
from edge.tuning.mosa import MoSAConfig
from edge.tuning.s2ft import S2FTConfig
from edge.tuning.sparse import SparseConfig
from tests.bench.gpu.language import (
    LLAMA_1M,
    LLAMA_200K,
    TINY,
    code,
    english,
    fit,
    llama,
    loss_of,
    nll,
    windows,
)
from tests.bench.gpu.row import Row, Setting

TARGETS = ("q_proj", "v_proj", "o_proj", "down_proj")
Before = Callable[[int, torch.Tensor], None]


@dataclass(frozen=True)
class Task:
    """ids and held: what to tune to, and what shows how well; steps of tuning."""

    base: Any
    ids: torch.Tensor
    held: torch.Tensor
    steps: int
    rank: int

    def tuned(self, config: Any, seed: int, before: Callable[[Any, Any], Before | None]) -> Any:
        """A copy of the base tuned by a method, and its tuner."""
        model = copy.deepcopy(self.base)
        tuner = attach(model, config)
        fit(model, tuner.parameters(), self.ids, self.steps, rate=2e-3, seed=seed,
            before=before(model, tuner))  # fmt: skip
        return model, tuner

    def loss(self, model: Any) -> float:
        return nll(model, self.held)

    def budget(self) -> int:
        """Parameters of LoRA."""
        tuner = attach(copy.deepcopy(self.base), LoRAConfig(self.rank, self.rank, TARGETS))
        return sum(p.numel() for p in tuner.parameters())


def prepared(setting: Setting) -> Task:
    """On a CPU the model is smaller, and the runs shorter."""
    fast = setting.device == "cuda"
    shape, steps, tuning, length = (
        (LLAMA_1M, 3000, 600, 128) if fast else (LLAMA_200K, 500, 120, 64)
    )
    if setting.tiny:
        shape, steps, tuning, length = TINY, 4, 3, 32
    held = setting.pick(256, 8)
    base = llama(setting, shape, dtype=torch.float32)
    ids = windows(code(setting.pick(4_000_000, 4_000)), length).to(setting.device)
    fit(base, base.parameters(), ids, steps, rate=2e-3)
    text = windows(english(setting.pick(600_000, 4_000)), length).to(setting.device)
    return Task(base, text[:-held], text[-held:], tuning, setting.pick(8, 4))


def _nothing(model: Any, tuner: Any) -> None:
    return None


def _drawing(model: Any, tuner: Any) -> Before:
    return lambda step, part: tuner.draw() and None


def _ist(model: Any, tuner: Any) -> Before:
    def before(step: int, part: torch.Tensor) -> None:
        if step % 10 == 0:
            tuner.learn_importance(lambda: float(loss_of(model, part)))
        tuner.draw()

    return before


def _lora(task: Task, seed: int) -> float:
    return task.loss(task.tuned(_lora_config(task, seed), seed, _nothing)[0])


def _lora_config(task: Task, seed: int) -> LoRAConfig:
    return LoRAConfig(task.rank, task.rank, TARGETS, seed)


def _s2ft(task: Task, seed: int) -> float:
    """As many columns of o_proj and down_proj as LoRA has numbers."""
    config = task.base.config
    per_layer = task.budget() // config.num_hidden_layers // config.hidden_size
    width = config.hidden_size // config.num_attention_heads
    channels = max(per_layer - width, 1)
    return task.loss(task.tuned(S2FTConfig(channels, 1, seed), seed, _nothing)[0])


def _dsee(task: Task, seed: int) -> float:
    """One rank less than LoRA, and entries for about what that frees."""
    entries = task.budget() // task.rank // (len(TARGETS) * task.base.config.num_hidden_layers)
    config = DSEEConfig(task.rank - 1, entries, task.rank - 1.0, targets=TARGETS, seed=seed)
    return task.loss(task.tuned(config, seed, _nothing)[0])


def _lt_sft(task: Task, seed: int) -> float:
    """Tuned once to choose as many weights as LoRA has, and again."""
    model = copy.deepcopy(task.base)
    share = task.budget() / sum(p.numel() for p in model.parameters())
    tuner = attach(model, SparseConfig(share))
    for phase in range(2):
        fit(
            model, tuner.parameters(), task.ids, task.steps, rate=2e-3 if phase else 5e-4, seed=seed
        )
        if phase == 0:
            tuner.select()
    return task.loss(tuner.merge())


def _ist_of(rate: float) -> Callable[[Task, int], float]:
    """Of half of the blocks a step; without a rate they are drawn uniformly."""

    def run(task: Task, seed: int) -> float:
        config = ISTConfig(_lora_config(task, seed), share=0.5, rate=rate, seed=seed)
        return task.loss(task.tuned(config, seed, _ist)[0])

    return run


def _mosa(parts: int) -> Callable[[Task, int], float]:
    """Bottlenecks at o_proj and down_proj with LoRA's budget; one part is a plain adapter."""

    def run(task: Task, seed: int) -> float:
        config = task.base.config
        width = task.budget() // (4 * config.hidden_size * config.num_hidden_layers)
        mosa = MoSAConfig(max(width, parts), parts, seed=seed)
        model, tuner = task.tuned(mosa, seed, _drawing)
        tuner.whole()
        return task.loss(model)

    return run


def _dylora(task: Task, seed: int) -> float:
    """At half of its rank."""
    config = DyLoRAConfig(task.rank, alpha=task.rank, targets=TARGETS, seed=seed)
    model, tuner = task.tuned(config, seed, _drawing)
    tuner.use(task.rank // 2)
    return task.loss(model)


def _truncated(task: Task, seed: int) -> float:
    """LoRA of the whole rank, of which half is left away afterwards."""
    model, tuner = task.tuned(_lora_config(task, seed), seed, _nothing)
    with torch.no_grad():
        for layer in tuner.layers.values():
            layer.up[:, task.rank // 2 :] = 0
    return task.loss(model)


PAIRS: tuple[tuple[str, Callable[[Task, int], float], Callable[[Task, int], float]], ...] = (
    ("S2FT against LoRA", _s2ft, _lora),
    ("LT-SFT against LoRA", _lt_sft, _lora),
    ("DSEE against LoRA", _dsee, _lora),
    ("DyLoRA against LoRA, both cut to half the rank", _dylora, _truncated),
    ("IST against uniformly drawn layers", _ist_of(10.0), _ist_of(0.0)),
    ("MoSA against a plain adapter", _mosa(4), _mosa(1)),
)


def orderings(setting: Setting) -> Iterator[Row]:
    """Three seeds; better means a lower mean loss."""
    task = prepared(setting)
    seeds = range(setting.pick(3, 1))
    known: dict[Callable[[Task, int], float], list[float]] = {}

    def losses(way: Callable[[Task, int], float]) -> list[float]:
        if way not in known:
            known[way] = [way(task, seed) for seed in seeds]
        return known[way]

    for name, ours, plain in PAIRS:
        found, base = losses(ours), losses(plain)
        spread = max(stdev(found), stdev(base)) if len(found) > 1 else 0.0
        note = f"{len(found)} seeds, spread {spread:.4f}; untuned {task.loss(task.base):.3f}"
        yield Row(name, mean(found), mean(base), "nats a byte", note=note,
                  met=mean(found) <= mean(base))  # fmt: skip
