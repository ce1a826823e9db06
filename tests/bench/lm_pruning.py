"""One-shot pruning of stories260K: NLL above dense and layer errors, by method and pattern.

    python tests/bench/lm_pruning.py [--patterns 0.5 0.6 0.7 2:4] [--seeds 1] [--json]

Calibration: 64 x 256 tokens that the model draws itself; NLL on real text. All linear layers of the
blocks are pruned.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from edge.cli.tables import print_table
from edge.sparsity.layerwise.prune import prune_layerwise
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.pattern_names import parse_pattern

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories, mean_nll, real_texts, sampled

WAYS = {
    "magnitude": ("magnitude", "none"),
    "wanda": ("wanda", "none"),
    "dsnot": ("dsnot", "none"),
    "sparsegpt": ("sparsegpt", "none"),
    "wanda + cg": ("wanda", "cg"),
    "wanda + refit": ("wanda", "exact"),
}


@dataclass(frozen=True)
class Row:
    pattern: str
    way: str
    seed: int
    nll_above_dense: float
    output_error: float | None
    mean_error: float


def recipe(text: str, way: str) -> Recipe:
    """A recipe of "0.5" (single weights), "2:4", "1x4:0.5" or "variable:0.5" and a way."""
    method, refit = WAYS[way]
    if text.replace(".", "").isdigit():
        return Recipe(parse_pattern("unstructured"), float(text), method, refit)
    pattern, _, share = text.partition(":") if text[0] == "v" or "x" in text else (text, "", "")
    return Recipe(parse_pattern(pattern), float(share) if share else None, method, refit)


def main() -> None:
    """Print a row for each pattern and way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--patterns", nargs="+", default=["0.5", "0.6", "0.7", "2:4"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dense, texts = load_stories(), real_texts()
    base = mean_nll(dense, texts)
    rows = []
    for seed in arguments.seeds:
        calibration = sampled(dense, 64, 256, seed).split(16)
        for pattern in arguments.patterns:
            for way in arguments.ways:
                model = copy.deepcopy(dense)
                report = prune_layerwise(model, recipe(pattern, way), calibration)
                errors = [layer.output_error for layer in report.layers]
                known = [error for error in errors if error is not None]
                rows.append(Row(
                    pattern, way, seed, round(mean_nll(model, texts) - base, 4),
                    round(sum(known) / len(known), 4) if known else None,
                    round(sum(r.mean_error for r in report.layers) / len(report.layers), 4),
                ))  # fmt: skip
                print(rows[-1], file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"dense_nll": base, "rows": [asdict(row) for row in rows]}))
        return
    print(f"dense NLL {base:.4f}")
    head = ("pattern", "way", "seed", "NLL above dense", "output error", "mean error")
    print_table(head, [tuple(asdict(row).values()) for row in rows])


if __name__ == "__main__":
    main()
