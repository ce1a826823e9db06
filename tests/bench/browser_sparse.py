"""fp32 MobileNet with pruned pointwise layers in headless Chromium, beside LiteRT.js.

    python tests/bench/browser_sparse.py [--sparsity 0.8] [--block 1|2|4] [--models v1,v2]
                                         [--rounds 60] [--peers FOLDER] [--json]

One page runs by turns, single-threaded, on the same pruned weights: Edge with the kernels that its
planner picks, the same in fused arithmetic on relaxed SIMD ("edge-relaxed", the product of
`--precision fp32-fused`), LiteRT.js on dense tensors, and LiteRT.js on sparse tensors through
DENSIFY, for which XNNPACK has sparse kernels. `--block` is the number of output channels that are
pruned together; 1 prunes single weights. The figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.browser_mobilenet import (
    CACHE,
    RELAXED,
    exported,
    fused,
    install,
    rows,
    run_page,
    show,
)
from tests.bench.mobilenet_files import image
from tests.bench.mobilenet_floats import float_graph, float_tflite

RUNTIMES = ("edge", RELAXED, "litert", "litert-sparse")
CLOSE = 1e-4  # of the range of the scores: mean difference between two orders of float32 sums


def prepare(folder: Path, name: str, sparsity: float, block: int) -> dict[str, Any]:
    """Write the files of one model into the served folder; what the page must know of it."""
    graph = float_graph(name, sparsity, block)
    source = folder / f"{name}.tflite"
    source.write_bytes(float_tflite(graph))
    (folder / f"{name}-sparse.tflite").write_bytes(float_tflite(graph, sparse=True))
    image(7).tofile(folder / f"{name}.f32")
    model = exported(folder, source, name, precision="fp32")
    return {**model, "kinds": {"-relaxed": fused(folder, source, name)}}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the page; its report and the models' descriptions."""
    install(arguments.peers, RUNTIMES)
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as made:
        folder = Path(made)
        models = [
            prepare(folder, name, arguments.sparsity, arguments.block)
            for name in arguments.models.split(",")
        ]
        return run_page(folder, arguments, models, RUNTIMES)


def main() -> None:
    """Print the table, or one JSON object; exit status 1 if scores do not agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sparsity", type=float, default=0.8)
    parser.add_argument("--block", type=int, choices=[1, 2, 4], default=1)
    parser.add_argument("--models", default="v1")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--peers", type=Path, default=CACHE)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not 0 < arguments.sparsity < 1:
        parser.error(f"sparsity {arguments.sparsity} is not between 0 and 1")
    report = measure(arguments)
    table = rows(report)
    if arguments.json:
        given = {"sparsity": arguments.sparsity, "block": arguments.block}
        print(json.dumps({"agent": report["agent"], **given, "rows": table}))
    else:
        show(report, table)
    if any(row["difference"] > CLOSE or row["mismatches"] for row in table):
        sys.exit("scores do not agree")


if __name__ == "__main__":
    main()
