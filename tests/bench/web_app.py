"""How well the networks of apps/web learn a new class from few drawings, in headless Chromium.

    python tests/bench/web_app.py [--examples 10] [--site out/web] [--json]

For each shape that nothing was trained on: both networks are taught it from EXAMPLES scripted
drawings, then shown 20 others of it and 200 of the known shapes, which they have been shown before
too. The page of `python apps/web/build.py` is used; it is built if SITE is not there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # found from any folder

from apps.web.drawing.hand import drawn
from apps.web.drawing.shapes import KNOWN, UNSEEN, Shape
from edge.cli.tables import print_table
from tests.browser.devtools import browser
from tests.browser.serving import served

NETWORKS = ("dense", "sparse")
STUDY = """
async ({ known, examples, held, name }) => {
  const { Brain } = await import('/brain.js');
  const { raster } = await import('/raster.js');
  const samples = await (await fetch('/samples.json')).json();
  const rehearsal = Object.values(samples.known).flatMap((shapes, label) =>
    shapes.slice(0, 12).map((strokes) => ({ label, picture: raster(strokes) })));
  const brain = await Brain.open(Object.keys(samples.known), rehearsal);
  const right = (drawings, label) => {
    const count = { dense: 0, sparse: 0 };
    const times = { dense: [], sparse: [] };
    for (const strokes of drawings) {
      const answer = brain.classify(raster(strokes));
      for (const network of ['dense', 'sparse']) {
        count[network] += answer[network].best === label;
        times[network].push(answer[network].time);
      }
    }
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return { count, time: { dense: median(times.dense), sparse: median(times.sparse) } };
  };
  const all = () => known.map((drawings, label) => right(drawings, label));
  const before = all();
  const label = brain.labelOf(name);
  const start = performance.now();
  for (const strokes of examples) await brain.teach(label, raster(strokes));
  const taught = performance.now() - start;
  const after = all();
  const found = right(held, label);
  await brain.forget();
  return { before, after, found, taught: taught / examples.length };
}
"""


def main() -> None:
    """Measure and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--site", type=Path, default=ROOT / "out/web")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.site.is_dir():
        build = [sys.executable, str(ROOT / "apps/web/build.py"), "--out", str(arguments.site)]
        subprocess.run(build, check=True, stdout=sys.stderr)
    rows = measure(arguments.site, arguments.examples)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    head = ("taught", "network", "of 20 others", "known before", "after", "answer, ms", "teach, ms")
    print_table(head, [tuple(map(str, row.values())) for row in rows])


def measure(site: Path, examples: int) -> list[dict[str, Any]]:
    """A row for each unseen shape and network."""
    rows = []
    with served(site) as address, browser() as opened:
        page = opened.page()
        page.open(address)
        page.until("document.getElementById('status').textContent.startsWith('Draw')")
        for seed, (name, shape) in enumerate(UNSEEN.items(), 100):
            rng = np.random.default_rng(seed)
            given = {
                "name": name,
                "known": [strokes(known, rng, 25) for known in KNOWN.values()],
                "examples": strokes(shape, rng, examples),
                "held": strokes(shape, rng, 20),
            }
            found = page.evaluate(f"({STUDY})({json.dumps(given)})")
            rows += [_row(name, network, found) for network in NETWORKS]
    return rows


def strokes(shape: Shape, rng: np.random.Generator, count: int) -> list[list[Any]]:
    """Drawings of a shape on a pad from 0 to 1."""
    return [[(0.5 + 0.3 * s).round(3).tolist() for s in drawn(shape, rng)] for _ in range(count)]


def _row(name: str, network: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "taught": name,
        "network": network,
        "found": found["found"]["count"][network],
        "known_before": sum(part["count"][network] for part in found["before"]) / 200,
        "known_after": sum(part["count"][network] for part in found["after"]) / 200,
        "answer_ms": round(found["found"]["time"][network], 3),
        "teach_ms": round(found["taught"], 1),
    }


if __name__ == "__main__":
    main()
