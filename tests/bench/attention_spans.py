"""Fitted spans on stories260K: a window for each head (MoA), full attention in few layers (MAS).

    python tests/bench/attention_spans.py [--seeds 1 2 3] [--texts 32] [--judged 4] [--json]

Block 16. A window for all heads, and the budget of spans beside it, is a share of the length: 2, 4
or 8 blocks of 32. Influence is measured on texts of 256 and 512 tokens that the model draws itself;
results are nats a token from the dense model on other such texts.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table
from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.hook import layer_table
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.spans.elastic import fitted_spans
from edge.gpu.attention.spans.influence import changes_by_length, predicted_divergence
from edge.gpu.attention.spans.layers import influential_layers, mas_layers
from edge.gpu.attention.watch import attending

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories, sampled

BLOCK, LENGTHS, LAYERS, HEADS = 16, (256, 512), 5, 8
WINDOWS = (2, 4, 8)


@dataclass(frozen=True)
class Row:
    plan: str
    seed: int | None
    length: int
    density: float
    divergence: float


class Judge:
    """The dense model on texts of one length."""

    def __init__(self, model: Any, ids: torch.Tensor) -> None:
        self.model, self.ids = model, ids
        self.dense = model(ids).logits.log_softmax(-1)

    def divergence(self, plan: AttentionPlan) -> tuple[float, float]:
        """KL from the dense model in nats a token, and the density."""
        density: list[float] = []

        def attend(
            layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
        ) -> torch.Tensor:
            table = layer_table(plan.heads[layer], q, k, scale)
            density.append(table.density())
            return sparse_attention(q, k, v, table, scale=scale)[0]

        with attending(self.model, attend):
            sparse = self.model(self.ids).logits.log_softmax(-1)
        found = (self.dense.exp() * (self.dense - sparse)).sum(-1).mean()
        return round(float(found), 5), round(sum(density) / len(density), 4)

    def row(self, name: str, seed: int | None, plan: AttentionPlan) -> Row:
        """Measure a plan."""
        divergence, density = self.divergence(plan)
        row = Row(name, seed, self.ids.shape[1], density, divergence)
        print(row, file=sys.stderr, flush=True)
        return row


def one_head(layer: int, head: int, window: int) -> AttentionPlan:
    """All heads see all, but one."""
    heads: list[list[Any]] = [[Full(BLOCK)] * HEADS for _ in range(LAYERS)]
    heads[layer][head] = MoASpan(window * BLOCK, 0.0, 0, BLOCK)
    return AttentionPlan(tuple(map(tuple, heads)))


def rank_correlation(predicted: torch.Tensor, true: torch.Tensor) -> float:
    """Spearman's."""
    from scipy.stats import spearmanr

    return round(float(spearmanr(predicted.flatten(), true.flatten()).statistic), 3)


def true_changes(judge: Judge) -> torch.Tensor:
    """[L, H, windows]: what each head alone loses by a window."""
    found = [
        judge.divergence(one_head(layer, head, window))[0]
        for layer in range(LAYERS) for head in range(HEADS) for window in WINDOWS
    ]  # fmt: skip
    return torch.tensor(found).view(LAYERS, HEADS, len(WINDOWS))


def span_rows(judges: dict[int, Judge], costs: dict[int, torch.Tensor], seed: int) -> list[Row]:
    """Fitted to the longest texts alone, and to all lengths at once, beside one window for all."""
    rows = []
    for window in WINDOWS:
        uniform = MoASpan(0, window / 32, 0, BLOCK)
        same = AttentionPlan.uniform(uniform, LAYERS, HEADS)
        budget = {length: share(uniform, length) for length in LENGTHS}
        longest = {LENGTHS[-1]: costs[LENGTHS[-1]]}
        alone = fitted_spans(longest, budget, block=BLOCK)
        rows.append(judges[LENGTHS[-1]].row(f"spans, as {window} of 32, one length", seed, alone))
        every = fitted_spans(costs, budget, block=BLOCK)
        for judge in judges.values():
            if seed == 1:
                rows.append(judge.row(f"window of {window} of 32", None, same))
            rows.append(judge.row(f"spans, as {window} of 32", seed, every))
    return rows


def share(span: MoASpan, length: int) -> float:
    """Of the causal blocks that a head computes."""
    blocks = length // BLOCK
    return span.computed(blocks) / (blocks * (blocks + 1) / 2)


def layer_rows(model: Any, judge: Judge, calibration: list[torch.Tensor]) -> list[Row]:
    """Full attention in one or two layers: those chosen, and every other choice."""
    rows = []
    for count in (1, 2):
        chosen = influential_layers(model, calibration, count, local=4, block=BLOCK)
        for layers in combinations(range(LAYERS), count):
            plan = mas_layers(model, layers, local=4, block=BLOCK)
            name = f"full layers {layers}" + (" (chosen)" if layers == chosen else "")
            rows.append(judge.row(name, None, plan))
    return rows


def main() -> None:
    """Print a row for each plan, and rank correlations."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--texts", type=int, default=32, help="to measure influence on")
    parser.add_argument("--judged", type=int, default=4, help="texts to judge plans on")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    model = load_stories()
    test = sampled(model, arguments.judged, 512, seed=3)
    judges = {length: Judge(model, test[:, :length]) for length in LENGTHS}
    true, rows, ranks = true_changes(judges[512]), list[Row](), []
    for seed in arguments.seeds:
        drawn = sampled(model, arguments.texts, 512, seed=100 + seed)
        texts = [part[:, :length] for length in LENGTHS for part in drawn.split(4)]
        changes = changes_by_length(model, texts, block=BLOCK)
        costs = {length: predicted_divergence(found, length) for length, found in changes.items()}
        windows = [window - 1 for window in WINDOWS]
        ranks.append({
            "seed": seed,
            "second order": rank_correlation(costs[512][..., windows], true),
            "first order": rank_correlation(changes[512].mean(0)[..., windows], true),
        })  # fmt: skip
        print(ranks[-1], file=sys.stderr, flush=True)
        rows += span_rows(judges, costs, seed)
    rows += layer_rows(model, judges[512], [drawn[:8]])
    if arguments.json:
        report = {"rank_correlation": ranks, "rows": [asdict(row) for row in rows]}
        print(json.dumps(report))
        return
    print_table(tuple(ranks[0]), [tuple(rank.values()) for rank in ranks])
    print_table(tuple(asdict(rows[0])), [tuple(asdict(row).values()) for row in rows])


if __name__ == "__main__":
    main()
