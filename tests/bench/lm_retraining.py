"""AST: a 2:4 stories260K retrained from its dense self, NLL above dense and CPU time.

    python tests/bench/lm_retraining.py [--pattern 2:4] [--epochs 19] [--json]

256 x 128 tokens that the dense model draws itself, batches of 12: an epoch is 21 steps.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from pathlib import Path

import torch

from edge.sparsity.layerwise.blocks import block_list, linears
from edge.sparsity.masked import attach, bake, sparsity_of
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.schedules.ast import AdaptiveSparse, Distillation, Logits
from edge.sparsity.training import Training, train

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories, mean_nll, real_texts, sampled


def retrained(dense: torch.nn.Module, pattern: str, epochs: int) -> torch.nn.Module:
    """A sparse copy, trained to say what the dense model says."""
    ids = sampled(dense, 256, 128, seed=0)
    student = Logits(copy.deepcopy(dense))
    name, blocks = block_list(student)
    chosen = parse_pattern(pattern)
    layers = {
        f"{name}.{place}": 1 - chosen.n / chosen.m  # type: ignore[attr-defined]
        for place, layer in linears(blocks).items()
        if chosen.misfit((layer.out_features, 1, layer.in_features)) is None
    }
    attach(student, chosen, layers, dense_gradient=True)
    training = Training(epochs, batch=12, rate=2e-3, loss=Distillation(Logits(dense)),
                        progress=False)  # fmt: skip
    optimizer = torch.optim.AdamW(student.parameters(), 2e-3, betas=(0.9, 0.95), weight_decay=0.01)
    train(student, ids, ids, training, AdaptiveSparse(), optimizer=optimizer)
    return bake(student).model


def main() -> None:
    """Print what retraining reaches."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pattern", default="2:4")
    parser.add_argument("--epochs", type=int, default=19)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dense, texts = load_stories(), real_texts()
    begin = time.process_time()
    model = retrained(dense, arguments.pattern, arguments.epochs)
    row = {
        "pattern": arguments.pattern,
        "steps": arguments.epochs * (256 // 12),
        "cpu_seconds": round(time.process_time() - begin, 1),
        "nll_above_dense": round(mean_nll(model, texts) - mean_nll(dense, texts), 4),
        "sparsity": {name: round(share, 4) for name, share in sparsity_of(model).items()},
    }
    if arguments.json:
        print(json.dumps(row))
        return
    print(
        f"{row['pattern']}: {row['nll_above_dense']:+.3f} nats above dense after {row['steps']} "
        f"steps, {row['cpu_seconds']} CPU s"
    )


if __name__ == "__main__":
    main()
