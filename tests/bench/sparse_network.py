"""Accuracy against instructions: the study's network at several sparsities, trained with masks.

    python tests/bench/sparse_network.py --target cortex-m7 --pattern 1x4|4x4|2:4|...|best [--json]
        [--network mobilenet|resnet8] [--seeds 0 1 2] [--sparsity 0.3 0.5 0.7] [--plain]
        [--uniform] [--epochs 2]
        [--csv FILE]

Networks that are not in the cache are trained first (see sparse_training.py; the dense row has had
the same epochs). Each is quantized after training with 512 training images, by the observer whose
network is right on most of 5,000 others of them, and exported. Accuracy
is that of the generated C on the 10,000 test images, run on the host, whose bits are those of the
target. Instructions and weight bytes are those of the first seed's network, measured on the
target's emulator. The dense network runs on the dense kernels.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import edge
from edge.cli.tables import print_table
from edge.ir import Graph, to_text

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.fashion_mobilenet import accuracy, center, data
from tests.bench.sparse_training import CACHE, FURTHER_EPOCHS, Run, example, trained
from tests.bench.study_networks import NETWORKS

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.integer[Any]]

CALIBRATION = 512
CHOICE = 5_000  # further training images, on which the observers compete
OBSERVERS = ("minmax", "percentile", "mse")
BEST = {"cortex-m4": "1x4", "cortex-m7": "1x4", "cortex-m55": "2x16"}
PORTABLE = "4x4"  # what every target has kernels for


@dataclass(frozen=True)
class Measured:
    """One network: shares of the 10,000 test images that are right, and what it costs."""

    network: str
    target: str
    pattern: str
    rearranged: bool
    uniform: bool
    epochs: int
    sparsity: float
    seed: int
    float_accuracy: float
    accuracy: float
    instructions: int | None
    weight_bytes: int


def measure(run: Run, target: str, cache: Path, count: bool) -> Measured:
    """Train if need be, quantize, export, run; `count` also measures instructions."""
    network = trained(run, cache)
    graph = quantized(network, cache)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "network"
        exported = edge.export(graph, target, out, name=run.network, progress=False)
        right = _int8_accuracy(graph, cache)
        counted = edge.bench(out).instructions if count else None
    weight_bytes = sum(layer["weight_bytes"] for layer in exported.layers)
    print(f"{run.name} on {target}: {right:.4f}, {counted or '-'} instructions", file=sys.stderr)
    return Measured(
        run.network, target, run.pattern, run.rearranged, run.uniform, run.epochs, run.sparsity,
        run.seed, accuracy(network), right, counted, weight_bytes,
    )  # fmt: skip


def quantized(network: torch.nn.Module, cache: Path) -> Graph:
    """The integer graph of the observer that does best on training images."""
    images, labels = center(data().train_images), data().train_labels
    held = slice(CALIBRATION, CALIBRATION + CHOICE)
    graphs = [
        edge.quantize((network, example()), images[:CALIBRATION], observer=observer, progress=False)
        for observer in OBSERVERS
    ]
    return max(graphs, key=lambda graph: _right(graph, images[held], labels[held], cache))


def _int8_accuracy(graph: Graph, cache: Path) -> float:
    return _right(graph, center(data().test_images), data().test_labels, cache)


def _right(graph: Graph, images: Images, labels: Labels, cache: Path) -> float:
    """Share of the images that the generated C gets right on the host.

    Kept by the digest of the integer graph and the labels, on which alone it depends.
    """
    digest = hashlib.sha256(to_text(graph).encode() + labels.tobytes()).hexdigest()[:16]
    known = cache / f"accuracy-{digest}.json"
    if known.exists():
        return float(json.loads(known.read_text()))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "network"
        edge.export(graph, "host", out, name="network", progress=False)
        (scores,) = edge.run(out, [images], on="host")
    right = float(np.mean(scores.reshape(len(scores), -1).argmax(1) == labels))
    known.write_text(json.dumps(right))
    return right


def study(
    target: str, sparsities: Sequence[float], seeds: Sequence[int], like: Run, cache: Path = CACHE
) -> list[Measured]:
    """Every sparsity, dense first, with every seed; otherwise the runs are `like` one."""
    return [
        measure(replace(like, sparsity=sparsity, seed=seed), target, cache, seed == seeds[0])
        for sparsity in (0.0, *sparsities)
        for seed in seeds
    ]


def rows(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """A row a sparsity: means and sample standard deviations over the seeds."""
    found = []
    for sparsity in dict.fromkeys(m.sparsity for m in measured):
        members = [m for m in measured if m.sparsity == sparsity]
        right = [m.accuracy for m in members]
        found.append({
            "sparsity": sparsity,
            "instructions": members[0].instructions,
            "weight_bytes": members[0].weight_bytes,
            "accuracy_mean": round(float(np.mean(right)), 5),
            "accuracy_std": round(float(np.std(right, ddof=1)), 5) if len(right) > 1 else None,
            "seeds": len(members),
        })  # fmt: skip
    return found


def _show(pattern: str, found: Sequence[dict[str, Any]]) -> None:
    dense = found[0]
    print_table(
        ("sparsity", "instructions", "faster", "weight bytes", "accuracy", "std", "points lost"),
        [
            (f"{row['sparsity']:.0%} {pattern if row['sparsity'] else ''}",
             f"{row['instructions']:,}",
             f"{dense['instructions'] / row['instructions']:.2f}x", f"{row['weight_bytes']:,}",
             f"{row['accuracy_mean']:.4f}", row["accuracy_std"],
             f"{100 * (dense['accuracy_mean'] - row['accuracy_mean']):.2f}")
            for row in found
        ],
    )  # fmt: skip


def write_csv(path: Path, measured: Sequence[Measured]) -> None:
    """Add a line a network to a CSV file, replacing lines of the same networks."""
    key = ("network", "target", "pattern", "rearranged", "uniform", "epochs", "sparsity", "seed")
    new = [{name: str(value) for name, value in asdict(m).items()} for m in measured]
    kept: list[dict[str, str]] = []
    if path.exists():
        with path.open(newline="") as file:
            kept = list(csv.DictReader(file))
    replaced = {tuple(line[name] for name in key) for line in new}
    lines = [line for line in kept if tuple(line[name] for name in key) not in replaced] + new
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(measured[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(lines, key=lambda line: tuple(line[name] for name in key)))


def main() -> None:
    """Print a row for each sparsity, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="cortex-m7")
    parser.add_argument("--network", choices=sorted(NETWORKS), default="mobilenet")
    parser.add_argument("--pattern", default="best", help="best: the quickest one on the target")
    parser.add_argument("--sparsity", type=float, nargs="*", default=[0.3, 0.5, 0.7])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--plain", action="store_true", help="Do not rearrange channels.")
    parser.add_argument("--uniform", action="store_true", help="The same sparsity for all layers.")
    parser.add_argument("--epochs", type=int, default=FURTHER_EPOCHS, help="After the dense ones.")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--csv", type=Path, help="File that also receives a line a network.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = arguments.pattern
    pattern = BEST.get(arguments.target, PORTABLE) if chosen == "best" else chosen
    like = Run(
        pattern, 0.0, 0, not arguments.plain, arguments.uniform, arguments.epochs,
        arguments.network,
    )  # fmt: skip
    measured = study(arguments.target, arguments.sparsity, arguments.seeds, like, arguments.cache)
    if arguments.csv:
        write_csv(arguments.csv, measured)
    found = rows(measured)
    if arguments.json:
        print(json.dumps({"target": arguments.target, "pattern": pattern, "rows": found}))
        return
    _show(pattern, found)


if __name__ == "__main__":
    main()
