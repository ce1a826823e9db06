"""Sparse beside dense int8 MobileNet in headless Chromium: Edge's own kernels, one page.

    python tests/bench/browser_sparse_int8.py [--block 4x4] [--sparsity 0.5,0.7] [--model v1]
                                              [--rounds 60] [--json]

The pointwise convolutions of seeded weights lose, in every layer, the share of blocks (output
channels x input channels) with the least magnitude; then the network is quantized. The page runs
the dense and the sparse networks by turns, single-threaded: a picture of floats goes in, float
scores come out. The figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge.cli.tables import print_table
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import Pattern

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.browser_mobilenet import exported, run_page
from tests.bench.mobilenet_files import image, int8_graph, tflite

DENSE = "edge"


def prune(module: nn.Module, block: Pattern, sparsity: float) -> None:
    """Set the blocks of least magnitude of every 1x1 convolution to zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
            outputs, inputs = layer.weight.shape[:2]
            scores = np.abs(layer.weight.detach().numpy().reshape(outputs, 1, inputs))
            kept = block.mask(scores.astype(np.float64), sparsity)
            with torch.no_grad():
                layer.weight *= torch.from_numpy(kept.reshape(layer.weight.shape))


def prepare(
    folder: Path, model: str, block: Pattern, sparsities: list[str]
) -> list[dict[str, Any]]:
    """Write a module for the dense and for each sparse network; what the page must know of them."""
    image(7).tofile(folder / f"{model}.f32")
    made = []
    for kind in ("", *(f"-{sparsity}" for sparsity in sparsities)):
        source = folder / f"source{kind}" / f"{model}.tflite"
        source.parent.mkdir()
        change = partial(prune, block=block, sparsity=float(kind[1:])) if kind else None
        source.write_bytes(tflite(int8_graph(model, change)))
        made.append(exported(folder, source, model, kind))
    return made


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rows of the dense and the sparse networks."""
    sparsities = arguments.sparsity.split(",")
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        models = prepare(folder, arguments.model, arguments.block, sparsities)
        runtimes = [DENSE, *(f"{DENSE}-{sparsity}" for sparsity in sparsities)]
        report = run_page(folder, arguments, models[:1], runtimes)
    found = report["models"][arguments.model]
    dense = statistics.median(found[0]["times"])
    rows = [
        {
            "sparsity": float(sparsity),
            "median_ms": statistics.median(runtime["times"]),
            "minimum_ms": min(runtime["times"]),
            "speedup": dense / statistics.median(runtime["times"]),
            "weight_bytes": model["weights"],
            "mismatches": model["mismatches"],
        }
        for sparsity, runtime, model in zip(("0", *sparsities), found, models, strict=True)
    ]
    return {"agent": report["agent"], "model": arguments.model, "block": str(arguments.block),
            "rows": rows}  # fmt: skip


def show(report: dict[str, Any]) -> None:
    print(f"{report['model']}, blocks of {report['block']}, {report['agent']}")
    columns = ("sparsity", "median ms", "minimum ms", "x dense", "weight bytes", "mismatches")
    print_table(
        columns,
        [
            (f"{row['sparsity']:.0%}", f"{row['median_ms']:.2f}", f"{row['minimum_ms']:.2f}",
             f"{row['speedup']:.2f}", f"{row['weight_bytes']:,}", str(row["mismatches"]))
            for row in report["rows"]
        ],
    )  # fmt: skip


def main() -> None:
    """Print the table, or one JSON object; exit status 1 if outputs differ from numpy's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--block", type=parse_pattern, default="4x4")
    parser.add_argument("--sparsity", default="0.5,0.7")
    parser.add_argument("--model", choices=["v1", "v2"], default="v1")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report = measure(arguments)
    if arguments.json:
        print(json.dumps(report))
    else:
        show(report)
    if any(row["mismatches"] for row in report["rows"]):
        sys.exit("outputs differ from those of the numpy reference")


if __name__ == "__main__":
    main()
