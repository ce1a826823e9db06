"""Size and speed of an npm package: the int8 network of apps/fashion.

    python tests/bench/npm_package.py [--json]

Bytes of the module and of the JavaScript that a page loads, whole and compressed; `without_weights`
is both less the constants that the plan counts. Times are of headless Chromium, medians of 21 fresh
pages that have the files in the browser's cache: from load() to the first answer, and the
first answer alone. The network has random weights, on which sizes and times do not depend.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "apps/fashion")]  # found from any folder

from network import separable_network

import edge
from edge.cli.tables import print_table
from tests.browser.devtools import browser
from tests.browser.serving import served

PAGES = 21
LOADED = ("fashion.wasm", "index.js", "model.js")
FIRST = """(async () => {
    const { load, inputs } = await import('/index.js');
    const start = performance.now();
    const model = await load();
    const loaded = performance.now();
    model.run(new Int8Array(inputs[0].length));
    const end = performance.now();
    return [end - start, end - loaded];
})()"""


def main() -> None:
    """Measure and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        exported = exported_network(Path(name) / "fashion")
        measured = {**sizes(exported), **times(exported.out / "npm")}
    if as_json:
        print(json.dumps(measured, indent=1))
    else:
        print_table(("int8 fashion network", ""), [(k, f"{v:,}") for k, v in measured.items()])


def exported_network(out: Path) -> Any:
    """The export of the demo's network with its npm package."""
    torch.manual_seed(0)
    module, images = separable_network().eval(), np.random.default_rng(0).random((32, 1, 28, 28))
    images = images.astype(np.float32)
    int8 = edge.quantize((module, (torch.from_numpy(images[:1]),)), images, progress=False)
    return edge.export(int8, "wasm32", out, name="fashion", package=["npm"])


def sizes(exported: Any) -> dict[str, int]:
    """Bytes of what a page loads."""
    contents = {name: (exported.out / "npm" / name).read_bytes() for name in LOADED}
    weights = int(exported.memory["weights"])
    total = sum(map(len, contents.values()))
    return {
        **{f"{name}, B": len(content) for name, content in contents.items()},
        "weights, B": weights,
        "without_weights, B": total - weights,
        "gzip of all, B": sum(len(gzip.compress(content, 9)) for content in contents.values()),
    }


def times(package: Path) -> dict[str, float]:
    """Milliseconds of the first inference on pages that have been visited before."""
    (package / "index.html").write_text('<!doctype html><link rel="icon" href="data:,">')
    pairs = []
    with served(package) as address, browser() as opened:
        page = opened.page()
        for _ in range(PAGES + 1):
            page.open(address + "/index.html")
            pairs.append(page.evaluate(FIRST))
    both, alone = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
    return {"load and first answer, ms": round(both, 2), "first answer, ms": round(alone, 2)}


if __name__ == "__main__":
    main()
