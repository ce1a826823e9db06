"""Tuning stories260K to other text: ways to tune it, and the NLL that they reach on held-out text.

The texts are the licence of this repository and the descriptions of data sets in scikit-learn, in
rows of 96 tokens: 60 % to tune on, 20 % by which learning rates were chosen, 20 % to test.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge.tuning.adapters import fuse
from edge.tuning.attach import Config, attach
from edge.tuning.dsee import DSEEConfig
from edge.tuning.dylora import DyLoRAConfig
from edge.tuning.ist import ISTConfig
from edge.tuning.lora import LoRAConfig
from edge.tuning.low_rank import LowRank
from edge.tuning.mosa import MoSAConfig
from edge.tuning.s2ft import S2FTConfig
from edge.tuning.sparse import SparseConfig, SparseTuner
from edge.tuning.vl_adapter import VLAdapterConfig
from tests.models.stories260k import Tokenizer, load_stories

ROOT = Path(__file__).resolve().parents[2]
LENGTH, BATCH, STEPS = 96, 4, 100
RATES = (1e-3, 3e-3, 1e-2)
ENDS = ("o_proj", "down_proj")
_DESCRIBED = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")


@dataclass(frozen=True, eq=False)
class Text:
    """Token ids [rows, 96]."""

    train: torch.Tensor
    valid: torch.Tensor
    test: torch.Tensor


def _tokens(text: str) -> torch.Tensor:
    tokenizer, ids = Tokenizer(), list[int]()
    for paragraph in filter(None, (" ".join(part.split()) for part in text.split("\n\n"))):
        ids += [1, *tokenizer.encode(paragraph)]
    rows = torch.tensor(ids[: len(ids) // LENGTH * LENGTH]).view(-1, LENGTH)
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]


@functools.cache
def texts() -> dict[str, Text]:
    """The two texts: "licence" of 6,336 and "reports" of 10,080 tokens."""
    from sklearn import datasets

    reports = "\n\n".join(getattr(datasets, f"load_{name}")().DESCR for name in _DESCRIBED)
    found = {"licence": (ROOT / "LICENSE").read_text(), "reports": reports}
    parts = {name: _tokens(text) for name, text in found.items()}
    return {
        name: Text(*rows.tensor_split([len(rows) * 6 // 10, len(rows) * 8 // 10]))
        for name, rows in parts.items()
    }


@torch.no_grad()
def nll(model: Any, rows: torch.Tensor) -> float:
    """Nats a token."""
    return float(model.eval()(rows, labels=rows).loss)


Run = Callable[[Any, Any, float, torch.Generator], None]
"""Tunes (model, tuner) at a learning rate, with batches from the generator."""


def tune(
    model: Any, tuner: Any, rate: float, generator: torch.Generator,
    before: Callable[[int], object] = lambda step: None, steps: int = STEPS, text: str = "licence",
) -> None:  # fmt: skip
    """Steps of Adam on the text; `before` is called before each."""
    rows = texts()[text].train
    optimizer = torch.optim.Adam(list(tuner.parameters()), rate)
    model.train()
    for step in range(steps):
        before(step)
        batch = rows[torch.randint(len(rows), (BATCH,), generator=generator)]
        optimizer.zero_grad()
        model(batch, labels=batch).loss.backward()
        optimizer.step()


def drawing(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """With a draw before each step."""
    tune(model, tuner, rate, generator, lambda _: tuner.draw())


def mixture(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """With a draw before each step, and the union in the end."""
    drawing(model, tuner, rate, generator)
    tuner.whole()


def by_importance(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """With a draw before each step, and importance learned before every tenth."""

    def before(step: int) -> None:
        if step % 10 == 0 and step:
            rows = texts()["licence"].train
            batch = rows[torch.randint(len(rows), (BATCH,), generator=generator)]
            tuner.learn_importance(lambda: float(model(batch, labels=batch).loss))
        tuner.draw()

    tune(model, tuner, rate, generator, before)


def twice(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """Everything first, at a third of the rate, then as many steps on what changed most."""
    tune(model, tuner, rate / 3, generator)
    tuner.select()
    tune(model, tuner, rate, generator)


def pruned(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """Half of the steps, half of the weights removed, the other half of the steps."""
    tune(model, tuner, rate, generator, steps=STEPS // 2)
    tuner.prune(0.5)
    tune(model, tuner, rate, generator, steps=STEPS - STEPS // 2)


def in_turn(model: Any, tuner: Any, rate: float, generator: torch.Generator) -> None:
    """Both texts by turns, each as long as another way's one."""
    for _ in range(10):
        for text in texts():
            tuner.use(text)
            tune(model, tuner, rate, generator, steps=STEPS // 10, text=text)


@dataclass(frozen=True)
class Way:
    """A method with its settings (which take a seed), its learning rate, and how it is trained.

    The rates are those of `RATES` with the least loss on the rows to choose by, for seed 100.
    """

    config: Callable[[int], Config]
    rate: float = 3e-3
    run: Run = tune


def _lora(rank: int) -> Way:
    return Way(lambda seed: LoRAConfig(rank, 2.0 * rank, ENDS, seed))


def _ist(run: Run) -> Way:
    return Way(lambda seed: ISTConfig(LoRAConfig(4, 8.0, ENDS, seed), seed=seed), 1e-2, run)


def _tasks(sharing: str, reduction: int) -> Way:
    return Way(
        lambda seed: VLAdapterConfig(tuple(texts()), sharing, reduction, seed=seed), run=in_turn
    )


WAYS = {
    "lora": _lora(4),
    "lora of rank 8": _lora(8),
    "s2ft": Way(lambda seed: S2FTConfig(15, 1, seed)),
    "lt-sft": Way(lambda _: SparseConfig(0.0964, ENDS), 1e-2, twice),
    "ist": _ist(by_importance),
    "ist, draws alike": _ist(drawing),
    "dsee": Way(lambda seed: DSEEConfig(3, 182, 6.0, 0, ENDS, seed), run=pruned),
    "dsee without entries": Way(lambda seed: DSEEConfig(4, 0, 8.0, 0, ENDS, seed), 1e-2, pruned),
    "bottleneck": Way(lambda seed: MoSAConfig(6, 1, seed=seed)),
    "mosa": Way(lambda seed: MoSAConfig(6, 4, seed=seed), 1e-3, mixture),
    "mosa, way down dense": Way(lambda seed: MoSAConfig(6, 4, "down", seed=seed), 1e-3, mixture),
    "dylora": Way(lambda seed: DyLoRAConfig(8, 1, 16.0, False, ENDS, seed), run=drawing),
    "vl-adapter, one for both": _tasks("single", 8),
    "vl-adapter, one for each": _tasks("multiple", 16),
}


@dataclass(frozen=True, eq=False)
class Tuned:
    """A tuned model, its tuner, and how many numbers learned."""

    model: Any
    tuner: Any
    trainable: int


def tuned(way: Way, seed: int) -> Tuned:
    """Tune a fresh copy of the model."""
    torch.manual_seed(seed)
    model = load_stories()
    tuner = attach(model, way.config(seed))
    parameters: list[nn.Parameter] = list(tuner.parameters())
    count = sum(p.numel() for p in parameters if p.is_floating_point())
    way.run(model, tuner, way.rate, torch.Generator().manual_seed(seed))
    return Tuned(model, tuner, count)


Loss = Callable[[Tuned], float]
"""Of a tuned model on the rows to test."""


def on_licence(found: Tuned) -> float:
    """On the text that was tuned to."""
    return nll(found.model, texts()["licence"].test)


def on_both(found: Tuned) -> float:
    """The mean of both texts, each with its own adapter where there are two."""
    losses = []
    for name, text in texts().items():
        found.tuner.use(name)
        losses.append(nll(found.model, text.test))
    return sum(losses) / len(losses)


def at_ranks(found: Tuned) -> float:
    """The mean over ranks 1, 2 and 4 of one nested adapter."""
    losses = []
    for rank in (1, 2, 4):
        found.tuner.use(rank)
        losses.append(on_licence(found))
    return sum(losses) / len(losses)


def cut_to_ranks(found: Tuned) -> float:
    """The mean over ranks 1, 2 and 4 of what is left of an adapter that was not nested.

    Its largest directions are kept.
    """
    losses = []
    state = found.tuner.state()
    for rank in (1, 2, 4):
        cut = {name: _largest(change, rank) for name, change in state.items()}
        model = load_stories()
        fuse(model, cut)
        losses.append(nll(model, texts()["licence"].test))
    return sum(losses) / len(losses)


def _largest(change: LowRank, rank: int) -> LowRank:
    u, s, v = torch.linalg.svd(change.product(), full_matrices=False)
    return LowRank(v[:rank], u[:, :rank] * s[:rank], 1.0)


@functools.cache
def _tuned(name: str, seed: int) -> Tuned:
    return tuned(WAYS[name], seed)


def tested(name: str, loss: Loss, seed: int) -> tuple[float, int]:
    """The loss, and how many numbers learned."""
    found = _tuned(name, seed)
    return loss(found), _selected(found)


def _selected(found: Tuned) -> int:
    """Of sparse tuning, the numbers that were selected."""
    if not isinstance(found.tuner, SparseTuner):
        return found.trainable
    return sum(len(change.index) for change in found.tuner.state().values())
