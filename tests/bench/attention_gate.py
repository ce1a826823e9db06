"""The learned gate against block means and the true attention on stories260K, at equal density.

    python tests/bench/attention_gate.py [--seeds 1 2 3] [--steps 600] [--json]

Block 16, 512 tokens, 4 and 8 of 32 key blocks a row. A gate is trained on 64 texts that the model
draws itself and judged on 12 others: attention mass kept, and NLL above dense, which on such text
is the divergence from the dense model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from edge.cli.tables import print_table
from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.gate.scores import POOLINGS, teacher_map
from edge.gpu.attention.gate.training import GateTraining, train_gate
from edge.gpu.attention.mass import block_mass, kept_mass
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.policies.mean_pool import MeanPool
from edge.gpu.attention.policies.policy import Policy, placed
from edge.gpu.attention.policies.seer_gate import SeerGate
from edge.gpu.attention.scores import best_blocks
from edge.gpu.attention.table import BlockTable
from edge.gpu.attention.watch import Inputs, attending, attention_inputs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories, sampled

BLOCK, LENGTH = 16, 512


@dataclass(frozen=True)
class Oracle:
    """The blocks of the greatest true attention: what no gate can beat."""

    kept: int
    block: int = BLOCK

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """By the true mass of each block."""
        mass = teacher_map(q, k, scale, self.block, "sum")
        return BlockTable.from_blocks(best_blocks(mass, self.kept), self.block, q.shape[2])


@dataclass(frozen=True)
class Row:
    policy: str
    seed: int | None
    kept: int
    density: float
    mass: float
    nll_above_dense: float
    divergence: float | None = None


def layer_mass(policy: Policy, inputs: Inputs) -> tuple[float, float]:
    """Share of the attention kept and density, in the mean over heads."""
    q, k, v, scale = inputs
    whole = Full(policy.block).table(q, k, scale)
    _, lse = sparse_attention(q, k, v, whole, scale=scale)
    table = policy.table(q, k, scale)
    mass = block_mass(q, k, lse, scale, policy.block, causal=True)
    return float(kept_mass(mass, table).mean()), table.density()


class Judge:
    """A model and texts to judge policies on."""

    def __init__(self, texts: int) -> None:
        self.model = load_stories()
        self.ids = sampled(self.model, texts, LENGTH, seed=3)
        self.inputs = sorted(attention_inputs(self.model, self.ids).items())
        self.dense = self.model(self.ids, labels=self.ids).loss.item()

    def row(
        self, name: str, seed: int | None, kept: int, policy: Policy, loss: float | None = None
    ) -> Row:
        """Measure one policy in all layers."""
        layers = [placed((policy,) * len(x[0][0]), layer)[0] for layer, x in self.inputs]
        found = [layer_mass(p, x) for p, (_, x) in zip(layers, self.inputs, strict=True)]
        mass, density = (sum(column) / len(found) for column in zip(*found, strict=True))
        row = Row(name, seed, kept, round(density, 4), round(mass, 5),
                  round(self.nll(layers) - self.dense, 4), loss)  # fmt: skip
        print(row, file=sys.stderr, flush=True)
        return row

    def nll(self, layers: list[Policy]) -> float:
        """Of the texts, in nats a token, where layers attend so."""

        def attend(
            layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
        ) -> torch.Tensor:
            return sparse_attention(q, k, v, layers[layer].table(q, k, scale), scale=scale)[0]

        with attending(self.model, attend):
            return float(self.model(self.ids, labels=self.ids).loss)


def trained(judge: Judge, seed: int, pooling: str, steps: int, folder: str) -> tuple[str, float]:
    """The file of a gate, and the divergence in its last twenty steps."""
    path, losses = Path(folder) / f"{pooling}-{seed}.safetensors", list[float]()
    calibration = sampled(judge.model, 64, LENGTH, seed=100 + seed).split(4)
    settings = GateTraining(BLOCK, steps, rate=3e-2, pooling=pooling, seed=seed, save=steps)
    with torch.enable_grad():
        train_gate(judge.model, calibration, path, settings, lambda _, loss: losses.append(loss))
    return str(path), round(sum(losses[-20:]) / 20, 4)


def main() -> None:
    """Print a row for each policy, budget and seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    judge, budgets = Judge(arguments.texts), (4, 8)
    fixed: dict[str, Callable[[int], Policy]] = {
        "mean-pool": lambda kept: MeanPool(kept, BLOCK), "oracle": Oracle,
    }  # fmt: skip
    rows = [judge.row(name, None, n, make(n)) for name, make in fixed.items() for n in budgets]
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            for pooling in POOLINGS:
                path, loss = trained(judge, seed, pooling, arguments.steps, folder)
                rows += [
                    judge.row(f"gate, {pooling}", seed, n, SeerGate(path, n, block=BLOCK), loss)
                    for n in budgets
                ]
    if arguments.json:
        report = {"dense_nll": round(judge.dense, 4), "rows": [asdict(row) for row in rows]}
        print(json.dumps(report))
        return
    print(f"dense NLL {judge.dense:.4f}")
    print_table(tuple(asdict(rows[0])), [tuple(asdict(row).values()) for row in rows])


if __name__ == "__main__":
    main()
