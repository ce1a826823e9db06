"""Time of the sparsity study's networks in headless Chromium.

    python tests/bench/sparse_browser_study.py [--network mobilenet|resnet8] [--pattern 1x4 4x4]
        [--rearranged] [--sparsity 0.3 0.5 0.7 0.9] [--rounds 300] [--csv FILE] [--json]

The int8 networks of the first seed, trained if they are not there (sparse_training.py), for wasm32.
One page runs the dense and all sparse networks by turns, single-threaded; medians.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.browser_mobilenet import exported, run_page
from tests.bench.fashion_mobilenet import SIZE, center, data
from tests.bench.sparse_network import quantized
from tests.bench.sparse_training import CACHE, Run, trained
from tests.bench.study_networks import NETWORKS

SEED = 0
CLASSES = 10


@dataclass(frozen=True)
class Timed:
    """One network: the median of its time, and how often it is as fast as the dense one."""

    network: str
    pattern: str
    rearranged: bool
    sparsity: float
    milliseconds: float
    faster: float


def runs(arguments: argparse.Namespace) -> Iterator[Run]:
    """The dense network first."""
    network = arguments.network
    yield Run(arguments.pattern[0], 0.0, SEED, network=network)
    for pattern in arguments.pattern:
        for rearranged in (True,) if arguments.rearranged else (True, False):
            for sparsity in arguments.sparsity:
                yield Run(pattern, sparsity, SEED, rearranged, network=network)


def measure(arguments: argparse.Namespace) -> list[Timed]:
    """A row a network, the dense one first."""
    chosen = list(runs(arguments))
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        center(data().test_images)[0].tofile(folder / f"{arguments.network}.f32")
        kinds = {"" if i == 0 else f"-{i}": _export(folder, run, i) for i, run in enumerate(chosen)}
        model = {**kinds[""], "classes": CLASSES, "shape": [1, SIZE, SIZE, 1], "kinds": kinds}
        report = run_page(folder, arguments, [model], [f"edge{kind}" for kind in kinds])
    found = report["models"][arguments.network]
    times = [statistics.median(runtime["times"]) for runtime in found]
    return [
        Timed(run.network, run.pattern, run.rearranged, run.sparsity, time, times[0] / time)
        for run, time in zip(chosen, times, strict=True)
    ]


def _export(folder: Path, run: Run, index: int) -> dict[str, Any]:
    graph = quantized(trained(run), CACHE)
    return exported(folder, graph, run.network, f"-{index}" if index else "")


def write_csv(path: Path, rows: Sequence[Timed]) -> None:
    """Replace the lines of the same network and patterns."""
    new = {(row.network, row.pattern) for row in rows}
    kept: list[dict[str, Any]] = []
    if path.exists():
        with path.open(newline="") as file:
            found = list(csv.DictReader(file))
        kept = [line for line in found if (line["network"], line["pattern"]) not in new]
    lines = [*kept, *({**asdict(r), "milliseconds": f"{r.milliseconds:.4f}",
                       "faster": f"{r.faster:.3f}"} for r in rows)]  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(lines, key=lambda line: (line["network"], line["pattern"])))


def main() -> None:
    """Print a row for each network, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="mobilenet")
    parser.add_argument("--pattern", nargs="+", default=["1x4", "4x4"])
    parser.add_argument("--rearranged", action="store_true", help="Leave out the others.")
    parser.add_argument("--sparsity", type=float, nargs="+", default=[0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(arguments)
    if arguments.csv:
        write_csv(arguments.csv, rows)
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}))
        return
    print_table(
        ("pattern", "rearranged", "sparsity", "ms", "faster"),
        [(r.pattern, r.rearranged, f"{r.sparsity:.0%}", f"{r.milliseconds:.3f}",
          f"{r.faster:.2f}x") for r in rows],
    )  # fmt: skip


if __name__ == "__main__":
    main()
