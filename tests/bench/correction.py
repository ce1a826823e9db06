"""Drafts of a pruned stories260K corrected by the dense model: tokens for each dense pass.

    python tests/bench/correction.py [--prompts 8] [--tokens 128] [--json]

Drafters: Wanda with masked least squares, and half of the feed-forward neurons, chosen by each
token or by what the prompt has been so far. Strict runs must equal dense greedy decoding.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table
from edge.serving.contextual import contextual_drafter, prompt_neurons
from edge.serving.correction import Correction, corrected_greedy, greedy
from edge.sparsity.layerwise.prune import prune_layerwise

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.lm_pruning import recipe
from tests.models.stories260k import load_stories, sampled

PATTERNS = ("0.3", "0.5", "2:4")
CONTEXTUAL = ("neurons by token", "neurons by prompt")
CORRECTIONS = {
    "strict, period 16": Correction(16, None),
    "strict, period 8": Correction(8, None),
    "threshold 0.1, period 16": Correction(16, 0.1),
}


def _drafter(dense: Any, pattern: str, prompt: torch.Tensor, calibration: Any) -> Any:
    if pattern in CONTEXTUAL:
        chosen = prompt_neurons(dense, prompt[None]) if pattern == "neurons by prompt" else None
        return contextual_drafter(dense, 0.5, chosen)
    drafter = copy.deepcopy(dense)
    prune_layerwise(drafter, recipe(pattern, "wanda + refit"), calibration)
    return drafter


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
    for pattern in (*PATTERNS, *CONTEXTUAL):
        different = prompts if pattern == "neurons by prompt" else prompts[:1]
        drafters = [_drafter(dense, pattern, prompt, calibration) for prompt in different]
        for name, correction in CORRECTIONS.items():
            runs = [
                corrected_greedy(dense, drafter, prompt[None], arguments.tokens, correction)
                for drafter, prompt in zip(cycle(drafters), prompts, strict=False)
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
