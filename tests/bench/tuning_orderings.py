"""Do tuning methods beat LoRA, or the plain method, at equal size, as their papers claim?

    nice python tests/bench/tuning_orderings.py [--seeds 3] [--only ist] [--json]

Tuning of stories260K to other text (`tuning_language`), of a classifier of Fashion-MNIST to other
sizes of image (`tuning_images`), and of stories260K to contexts (`tuning_contexts`). A row holds
where the mean over the seeds is on the side that the paper claims; rows that do not are shown too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean

import torch

from edge.cli.tables import print_table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench import tuning_contexts, tuning_images, tuning_language
from tests.bench.tuning_language import at_ranks, cut_to_ranks, on_both, on_licence

Measure = Callable[[int], tuple[float, int]]
"""For a seed: a loss or error, and how many numbers learned."""


@dataclass(frozen=True)
class Row:
    """`values` and `against` for each seed; lower is better."""

    method: str
    other: str
    measured: str
    trainable: int
    trainable_other: int
    values: tuple[float, ...]
    against: tuple[float, ...]
    holds: bool
    seeds_won: int


def row(method: str, other: str, measured: str, ours: Measure, theirs: Measure, seeds: int) -> Row:
    """Measure both for each seed."""
    pairs = [(ours(seed), theirs(seed)) for seed in range(seeds)]
    values, against = (tuple(round(p[i][0], 4) for p in pairs) for i in (0, 1))
    won = sum(a < b for a, b in zip(values, against, strict=True))
    trainable, trainable_other = (pairs[0][i][1] for i in (0, 1))
    holds = mean(values) < mean(against)
    return Row(
        method, other, measured, trainable, trainable_other, values, against, holds, won
    )  # fmt: skip


def _text(name: str, loss: tuning_language.Loss = on_licence) -> Measure:
    return lambda seed: tuning_language.tested(name, loss, seed)


_NLL, _BOTH = "NLL of the licence", "mean NLL of two texts"
_LANGUAGE = (
    ("s2ft", "lora", on_licence, on_licence, _NLL),
    ("lt-sft", "lora", on_licence, on_licence, _NLL),
    ("ist", "lora", on_licence, on_licence, _NLL),
    ("ist", "ist, draws alike", on_licence, on_licence, _NLL),
    ("dsee", "dsee without entries", on_licence, on_licence, f"{_NLL}, half of the weights"),
    ("mosa", "bottleneck", on_licence, on_licence, _NLL),
    ("mosa, way down dense", "bottleneck", on_licence, on_licence, _NLL),
    ("dylora", "lora of rank 8", at_ranks, cut_to_ranks, f"{_NLL}, ranks 1, 2, 4"),
    (
        "vl-adapter, one for both",
        "vl-adapter, one for each",
        on_both,
        on_both,
        "mean NLL of two texts",
    ),
)


def rows(seeds: int, only: str = "") -> Iterator[Row]:
    """All rows, or those of methods whose name begins so."""
    for method, other, loss, other_loss, measured in _LANGUAGE:
        if method.startswith(only):
            ours, theirs = _text(method, loss), _text(other, other_loss)
            yield row(method, other, measured, ours, theirs, seeds)
    for module, measured in (
        (tuning_images, "error at 16, 20 and 40 pixels"),
        (tuning_contexts, "NLL after a context"),
    ):
        method, other = module.WAYS
        if method.startswith(only):
            ours, theirs = (partial(module.tested, name) for name in module.WAYS)
            yield row(method, other, measured, ours, theirs, seeds)


def main() -> None:
    """Print a row for each claim."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="methods whose name begins so")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    begin, found = time.process_time(), []
    for made in rows(options.seeds, options.only):
        found.append(made)
        print(made.method, made.values, made.other, made.against, file=sys.stderr, flush=True)
    seconds = round(time.process_time() - begin, 1)
    if options.json:
        print(json.dumps({"cpu_seconds": seconds, "rows": [asdict(r) for r in found]}, indent=2))
        return
    cells = [
        (r.method, r.other, r.measured, f"{r.trainable:,} / {r.trainable_other:,}",
         f"{mean(r.values):.3f}", f"{mean(r.against):.3f}", f"{r.seeds_won} of {len(r.values)}",
         "yes" if r.holds else "no")
        for r in found
    ]  # fmt: skip
    head = ("method", "against", "measured", "trainable", "mean", "mean of other", "seeds", "holds")
    print_table(head, cells)
    print(f"{seconds} CPU s")


if __name__ == "__main__":
    main()
