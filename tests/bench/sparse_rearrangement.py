"""What rearrangement keeps: share of |w| under the mask in every layer of trained networks.

    python tests/bench/sparse_rearrangement.py [--pattern 1x4] [--sparsity 0.5] [--seeds 0 1 2]
        [--csv FILE] [--json]

The networks are the dense ones of the study (sparse_training.py), trained if they are not in its
folder. Nothing is trained here after pruning.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import edge
from edge.cli.tables import print_table
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.rearrangement.rearrange import rearrange, retained
from edge.sparsity.weights import fitting_weights, weight_scores

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.sparse_training import CACHE, Run, example, trained


@dataclass(frozen=True)
class Row:
    """One layer: the share of magnitude that the mask keeps, in the order trained and the new."""

    seed: int
    layer: str
    plain: float
    rearranged: float


def measure(pattern: str, sparsity: float, seed: int, cache: Path = CACHE) -> list[Row]:
    """A row for every layer that the pattern fits."""
    chosen = parse_pattern(pattern)
    before = edge.load((trained(Run(pattern, 0.0, seed), cache), example())).graph
    after = rearrange(before, chosen, sparsity).applied(before)
    rows = []
    for name in fitting_weights(before, chosen):
        scores = weight_scores(before, name), weight_scores(after, name)
        plain, rearranged = (retained(s, chosen.mask(s, sparsity)) for s in scores)
        rows.append(Row(seed, name, round(plain, 4), round(rearranged, 4)))
    return rows


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One line a layer and seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def main() -> None:
    """Print a row for each layer and seed, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pattern", default="1x4")
    parser.add_argument("--sparsity", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        row
        for seed in arguments.seeds
        for row in measure(arguments.pattern, arguments.sparsity, seed, arguments.cache)
    ]
    if arguments.csv:
        write_csv(arguments.csv, rows)
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}))
        return
    print_table(
        ("seed", "layer", "kept, plain", "kept, rearranged"),
        [(r.seed, r.layer, r.plain, r.rearranged) for r in rows],
    )


if __name__ == "__main__":
    main()
