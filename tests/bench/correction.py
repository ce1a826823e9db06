"""Drafts of a pruned stories260K corrected by the dense model: tokens for each dense pass.

    python tests/bench/correction.py [--prompts 8] [--tokens 128] [--json]

Drafters: Wanda with masked least squares. Strict runs must equal dense greedy decoding.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from pathlib import Path

import torch

from edge.cli.tables import print_table
from edge.serving.correction import Correction, corrected_greedy, greedy
from edge.sparsity.layerwise.prune import prune_layerwise

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.lm_pruning import recipe
from tests.models.stories260k import load_stories, sampled

PATTERNS = ("0.3", "0.5", "2:4")
CORRECTIONS = {
    "strict, period 16": Correction(16, None),
    "strict, period 8": Correction(8, None),
    "threshold 0.1, period 16": Correction(16, 0.1),
}


def main() -> None:
    """Print a row for each drafter and rule."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dense = load_stories()
    prompts = sampled(dense, arguments.prompts, 8, seed=5)
    wanted = [greedy(dense, prompt[None], arguments.tokens) for prompt in prompts]
    calibration = sampled(dense, 64, 256).split(16)
    rows = []
    for pattern in PATTERNS:
        drafter = copy.deepcopy(dense)
        prune_layerwise(drafter, recipe(pattern, "wanda + refit"), calibration)
        for name, correction in CORRECTIONS.items():
            runs = [
                corrected_greedy(dense, drafter, prompt[None], arguments.tokens, correction)
                for prompt in prompts
            ]
            equal = sum(torch.equal(r.ids, w) for r, w in zip(runs, wanted, strict=True))
            passes = sum(run.passes for run in runs)
            rows.append({
                "drafter": pattern, "rule": name,
                "tokens_per_pass": round(arguments.tokens * len(runs) / passes, 2),
                "equal_to_greedy": f"{equal} of {len(runs)}",
            })  # fmt: skip
            print(rows[-1], file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"rows": rows}))
        return
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


if __name__ == "__main__":
    main()
